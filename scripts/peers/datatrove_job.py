"""The bench's job in DataTrove: read JSONL.gz, drop by a fastText model, write JSONL.gz. Runs in DataTrove's own venv.

Usage: python datatrove_job.py CORPUS OUTPUT MODEL THRESHOLD WORKERS LABEL...
"""

from __future__ import annotations

import sys

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.filters import FastTextClassifierFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

if __name__ == "__main__":
    corpus, output, model, threshold, workers, *labels = sys.argv[1:]
    LocalPipelineExecutor(
        pipeline=[
            JsonlReader(corpus, glob_pattern="*.jsonl.gz"),
            FastTextClassifierFilter(
                model, remove_labels=[(label, float(threshold)) for label in labels], newline_replacement=" "
            ),
            JsonlWriter(f"{output}/documents"),
        ],
        tasks=8,
        workers=int(workers),
        logging_dir=f"{output}/logs",
    ).run()
