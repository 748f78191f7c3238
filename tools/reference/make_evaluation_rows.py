"""
Makes tests/golden/evaluation/rows.json: the text that Python makes of the values which `datasets` (with pyarrow and pandas) reads from small files.
Needs datasets.
"""

import base64
import datetime
import json
import tempfile
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parents[2] / "tests" / "golden" / "evaluation" / "rows.json"


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


JSON = {
    "floating-point numbers": '{"a": 1.0, "b": 1e5, "c": [1.0, 2.5]}\n{"a": -0.0, "b": 1E16, "c": [3.0]}\n{"a": 2.50, "b": 1.0e-7, "c": []}\n',
    "one is floating-point, so all are": lines({"a": 1, "b": [1, 2.5]}, {"a": 2.5, "b": [3]}, {"a": None, "b": None}),
    "whole numbers and nothing": lines({"a": 1, "b": True}, {"a": None, "b": None}),
    "objects with other keys": lines({"a": {"x": 1, "s": "1.0"}}, {"a": {"y": 2.0}}, {"a": None}),
    "lists of objects with other keys": lines({"a": [{"x": 1}, {"y": "t"}]}, {"a": []}),
    "columns that a row lacks": lines({"a": 1.0}, {"b": "x"}),
    "columns in another order": lines({"b": 1, "a": {"z": 1, "y": 2}}, {"a": {"y": 3, "z": 4}, "b": 2}),
    "numbers within texts": '{"a": "1.0, 2.0", "b": "x\\"1.0"}\n',
    "a list of rows": '[{"a": 1.0, "b": {"x": 1}}, {"a": 2, "b": {"x": 1.5}}]',
}
CSV = {
    "whole numbers": "a,b\n1,x\n2,y\n",
    "whole numbers, one is missing": "a,b\n1,x\n,y\n",
    "one is floating-point, so all are": "a,b\n1,x\n2.5,y\n",
    "floating-point numbers": "a,b\n1.0,x\n2.0,y\n",
    "words for nothing": "a,b\nNone,x\nNA,n/a\nnull,NaN\nfoo,None\n#N/A,nil\n",
    "true and false": "a,b,c\nTrue,true,x\nFalse,FALSE,y\n",
    "spaces": "a,b\n 1, x\n2 ,y \n",
    "days": "a,b\n2020-01-01,x\n2020-01-02,y\n",
    "zeros in front and signs": "a,b\n007,+3\n010,-4\n",
    "exponents and infinities": "a,b\n1e5,inf\n2e3,-inf\n",
    "no numbers": "a,b\n0x1F,1_000\n0x2,2_000\n",
    "quotes": 'a,b\n"1","x ""q"" y"\n"2","l1\nl2"\n',
    "an empty line": "a,b\n1,2\n\n3,4\n",
}
DAY, TIME = datetime.date(2020, 1, 2), datetime.datetime(1965, 1, 2, 3, 4, 5, 600)
TABLE = pa.table(
    {
        "f": pa.array([1.0, 2.5]),
        "f32": pa.array([1.0, 0.1], pa.float32()),
        "i": pa.array([1, 2]),
        "u": pa.array([1, 2], pa.uint8()),
        "list": pa.array([[1.0], [2.0, 3.5]]),
        "struct": pa.array([{"x": 1.0, "y": 1}, {"x": 2.0, "y": None}]),
        "structs": pa.array([[{"q": 1.0}, {"q": None}], []]),
        "missing": pa.array([None, 1.0]),
        "day": pa.array([DAY, None]),
        "time": pa.array([TIME, datetime.datetime(2020, 1, 2)]),
        "words": pa.array(["p", "1.0"]).dictionary_encode(),
        "flag": pa.array([True, None]),
    }
)


def texts(kind, path):
    with tempfile.TemporaryDirectory() as cache:
        rows = datasets.load_dataset(kind, data_files={"train": str(path)}, cache_dir=cache)["train"]
        return [{name: str(value) for name, value in row.items()} for row in rows]


def main():
    datasets.disable_progress_bars()
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, cases in (("json", JSON), ("csv", CSV)):
            for name, content in cases.items():
                path = Path(folder) / f"file.{kind}"
                path.write_text(content, encoding="utf-8")
                out.append({"kind": kind, "name": name, "text": content, "rows": texts(kind, path)})
        path = Path(folder) / "file.parquet"
        pq.write_table(TABLE, path)
        out.append({"kind": "parquet", "name": "columns of types", "bytes": base64.b64encode(path.read_bytes()).decode(), "rows": texts("parquet", path)})
        path = Path(folder) / "file.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, TABLE.schema) as writer:
            writer.write_table(TABLE)
        out.append({"kind": "arrow", "name": "columns of types", "bytes": base64.b64encode(path.read_bytes()).decode(), "rows": texts("arrow", path)})
    OUT.write_text(json.dumps(out, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
