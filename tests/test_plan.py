import pytest

from tamis.classifiers.errors import UsageError
from tamis.pipeline import plan as plans

PLAN = """\
schema: 1
name: web
corpus: {root: corpus, shards: "**/*.jsonl.gz", fields: {id: id, text: text, url: meta.url}}
classifiers: {policy: builtin:policy-en}
evaluator: builtin:evaluator-en
interventions:
  drop: [{when: "hate >= 0.9", do: drop}]
publish: drop
output: out
"""


def test_a_plan_parses_with_defaults():
    plan = plans.parse(PLAN)
    assert plan.refs()["policy"].path == "builtin:policy-en"
    assert plan.evaluator_ref().aggregate == "max"
    assert plan.gate.max_quarantine == 0.001
    assert plan.corpus.fields.source is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("url: meta.url", "ulr: meta.url", "`corpus.fields.ulr` is not a key of a plan; did you mean `url`?"),
        ("publish: drop", "publish: dorp", "did you mean `drop`?"),
        ("publish: drop", "pubish: drop", "`pubish` is not a key of a plan; did you mean `publish`?"),
        ("name: web", "name: web\nname: wob", "line 3: the key 'name' stands twice"),
        ("name: web", "name: 7", "`name`: expected `str`, got `int`"),
        ("name: web\n", "", "missing required field `name`"),
        ("schema: 1", "schema: 2", "it reads `schema: 1`"),
        ("{policy: builtin:policy-en}", "{policy: {path: x, sha: y}}", "did you mean `sha256`?"),
        ("{policy: builtin:policy-en}", "{}", "`classifiers` is empty"),
        ("{policy: builtin:policy-en}", "{evaluator: builtin:policy-en}", "`classifiers.evaluator`: that is the name"),
        ("interventions:", "interventions: [", "not valid YAML"),
        ("publish: drop", "gate: {max_drop_rate: 5}", "`gate.max_drop_rate: 5.0` is not a share"),
        ("publish: drop", "passages: {target: 1}", "write 50 to 4000 characters"),
        ("publish: drop", "evaluate: {sample: -1}", "is negative"),
    ],
)
def test_mistakes_are_named_with_the_next_step(old, new, message):
    assert old in PLAN
    with pytest.raises(UsageError) as error:
        plans.parse(PLAN.replace(old, new))
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "- a", "3", "a: !!python/object/apply:os.system [x]"])
def test_what_is_no_plan_is_a_usage_error(text):
    with pytest.raises(UsageError):
        plans.parse(text)


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="no such plan"):
        plans.load(tmp_path / "plan.yaml")


def test_the_path_of_the_plan_stands_in_front(tmp_path):
    path = tmp_path / "plan.yaml"
    path.write_text("name: 3")
    with pytest.raises(UsageError, match=r"plan\.yaml: "):
        plans.load(path)
