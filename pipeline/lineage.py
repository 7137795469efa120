"""OpenLineage events of a run (https://openlineage.io/spec), through the standard's own client library.

The corpus is the input data set and the published documents are the output, named as the standard names objects of
storage services. Facets carry counts, and of a failed run the kind of failure; no text, no path of a document.
"""

from __future__ import annotations

import datetime
import logging
from importlib import metadata
from pathlib import Path
from typing import Any

from tamis.pipeline import locations
from tamis.pipeline.errors import UsageError
from tamis.pipeline.observing import Ending
from tamis.pipeline.redact import redact
from tamis.pipeline.runspec import RunSpec

__all__ = ["Lineage", "dataset"]

PRODUCER = f"https://pypi.org/project/tamis/{metadata.version('tamis')}"
NAMESPACE = "tamis"
FROM_ENVIRONMENT = "env"

#: Ending -> the standard's event type. A refused run ran to its end; what it made is not published.
_EVENTS = {"failed": "FAIL", "submitted": "RUNNING"}


class Lineage:
    """Sends a START event and one at the end.

    Args:
        target: An http(s) URL, a file that gets a line an event, or "env": what OPENLINEAGE_URL, or the library's
            configuration file, says.
    """

    def __init__(self, target: str) -> None:
        self._target = target

    def started(self, spec: RunSpec) -> None:
        """Connects and sends START."""
        try:
            from openlineage.client.uuid import generate_new_uuid
        except ImportError:
            raise UsageError("`--lineage` needs the package openlineage-python: pip install 'tamis[ops]'") from None
        logging.getLogger("openlineage").setLevel(logging.ERROR)
        self._client, self._run = _client(self._target), str(generate_new_uuid())
        self._emit("START", spec)

    def ended(self, ending: Ending) -> None:
        """Sends COMPLETE, FAIL or, of a job that runs elsewhere, RUNNING."""
        self._emit(_EVENTS.get(ending.status, "COMPLETE"), ending.spec, ending)

    def _emit(self, kind: str, spec: RunSpec, ending: Ending | None = None) -> None:
        from openlineage.client.event_v2 import Job, Run, RunEvent, RunState

        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        run = Run(runId=self._run, facets=_run_facets(spec, ending))
        inputs, outputs = [_input(spec, ending)], [_output(spec, ending)]
        job = Job(namespace=NAMESPACE, name=spec.plan.name)
        event = RunEvent(
            eventType=RunState[kind], eventTime=now, run=run, job=job, inputs=inputs, outputs=outputs, producer=PRODUCER
        )
        self._client.emit(event)


def _client(target: str) -> Any:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    if target == FROM_ENVIRONMENT:
        return OpenLineageClient()
    if target.startswith(("http://", "https://")):
        return OpenLineageClient(transport=HttpTransport(HttpConfig(url=target)))
    if not Path(target).parent.is_dir():
        raise UsageError(f"`--lineage {target}`: there is no folder {Path(target).parent}: make it, or name a URL")
    return OpenLineageClient(transport=FileTransport(FileConfig(log_file_path=target, append=True)))


def dataset(root: str, path: str = "") -> tuple[str, str]:
    """Returns the namespace and name of a folder, by the standard's naming of data sets."""
    location = locations.parse(root)
    if location is None:
        return "file", str(Path(locations.local_folder(root) or root).resolve() / path)
    return f"{location.scheme}://{location.bucket}", redact(location.key(path)) or "/"


def _run_facets(spec: RunSpec, ending: Ending | None) -> dict[str, Any]:
    from openlineage.client.facet_v2 import error_message_run, processing_engine_run, tags_run

    engine = processing_engine_run.ProcessingEngineRunFacet(
        version=metadata.version("apache-beam"), name="Apache Beam", openlineageAdapterVersion=spec.version
    )
    tag = tags_run.TagsRunFacetFields
    tags = [tag(key="run_id", value=spec.run_id), tag(key="fingerprint", value=spec.fingerprint)]
    facets: dict[str, Any] = {"processing_engine": engine}
    if ending is not None:
        tags.append(tag(key="status", value=ending.status))
        if ending.status in ("failed", "refused"):
            said = error_message_run.ErrorMessageRunFacet(message=ending.sentence(), programmingLanguage="Python")
            facets["errorMessage"] = said
    return {**facets, "tags": tags_run.TagsRunFacet(tags=tags)}


def _input(spec: RunSpec, ending: Ending | None) -> Any:
    from openlineage.client.event_v2 import InputDataset
    from openlineage.client.facet_v2 import input_statistics_input_dataset as statistics

    namespace, name = dataset(spec.plan.corpus.root)
    manifest = None if ending is None else ending.manifest
    facets: dict[str, Any] = {}
    if manifest is not None:
        facet = statistics.InputStatisticsInputDatasetFacet(
            rowCount=manifest.counts.seen, fileCount=len(manifest.shards)
        )
        facets["inputStatistics"] = facet
    return InputDataset(namespace=namespace, name=name, inputFacets=facets)


def _output(spec: RunSpec, ending: Ending | None) -> Any:
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    namespace, name = dataset(spec.plan.output, f"{spec.folder}/documents")
    manifest = None if ending is None else ending.manifest
    facets: dict[str, Any] = {}
    if manifest is not None and manifest.status != "measured":
        facet = statistics.OutputStatisticsOutputDatasetFacet(
            rowCount=manifest.counts.kept, fileCount=len(manifest.shards)
        )
        facets["outputStatistics"] = facet
    return OutputDataset(namespace=namespace, name=name, outputFacets=facets)
