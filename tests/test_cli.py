import subprocess
import sys

import pytest

from tamis.pipeline import cli


def run(capsys, *arguments):
    try:
        code = cli.main(list(arguments))
    except SystemExit as leaving:
        code = leaving.code
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu", "plan.yaml"], "`rnu` is not a command; did you mean `run`?"),
        (["run", "missing.yaml"], "missing.yaml: no such plan"),
        (["run"], "the following arguments are required: PLAN"),
        (["verify", "x", "--deep"], "`--deep` is not an option of `tamis verify`"),
        (
            ["classifier", "train", "a", "b", "--rot", "."],
            "`--rot` is not an option of `tamis classifier train`; did you mean `--root`?",
        ),
        (["verify", "nowhere"], "nowhere: neither a run's folder"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_a_mistake_is_one_message_and_exit_2(capsys, arguments, message):
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert not out
    assert "Traceback" not in err


@pytest.mark.parametrize("command", [None, *cli.COMMANDS])
def test_help_is_there_for_every_command(capsys, command):
    code, out, _ = run(capsys, *([command] if command else []), "--help")
    assert code == 0
    assert "usage: tamis" in out


def test_help_does_not_import_the_engine():
    script = "import sys; from tamis.pipeline import cli\ntry: cli.main(['run', '--help'])\nexcept SystemExit: pass\n"
    script += "print('apache_beam' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_options_of_a_command_wait_for_no_numbers():
    script = "import sys; from tamis.pipeline import cli\n"
    for command in ("run", "refresh", "apply", "inspect", "audit", "rollback", "gc", "verify", "report"):
        script += f"cli.parser('{command}'); print('{command}', 'numpy' in sys.modules)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"False"}, done.stdout


def test_an_unexpected_error_prints_no_traceback_and_no_message(capsys, monkeypatch):
    def fail(_):
        raise ValueError("text of a document")

    monkeypatch.setattr(cli, "_dispatch", fail)
    code, _, err = run(capsys, "run", "x")
    assert code == 1
    assert "unexpected ValueError" in err
    assert "text of a document" not in err
