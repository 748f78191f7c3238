"""Makes tests/fixtures/parquet: `python make_parquet.py`. Small tables as pyarrow writes them: texts, pairs and chats, packed in several ways."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = Path(__file__).parents[2] / "tests" / "fixtures" / "parquet"

TEXTS = [f"Row {i} has a text: naïve 🙂\n{'more ' * (i % 7)}end." for i in range(50)]
CHATS = [
    [{"role": "user", "content": f"Question {i}"}, {"role": "assistant", "content": f"Answer {i}"}] for i in range(5)
]
# With lists in a struct and a whole number, as sets of questions with answers to choose from have them.
QUESTIONS = [
    {"question": "What is ice?", "choices": {"text": ["water", "fire"], "label": ["A", "B"]}, "answerKey": "A", "label": 0},
    {"question": "Qué 🙂?", "choices": {"text": ["sí", "no", "a", "b", "c"], "label": list("12345")}, "answerKey": "2", "label": 1},
]


def main():
    FOLDER.mkdir(exist_ok=True)
    texts = pa.table({"id": list(range(50)), "text": TEXTS, "url": ["x"] * 50})
    pq.write_table(texts, FOLDER / "snappy.parquet", row_group_size=20)
    pq.write_table(texts, FOLDER / "zstd.parquet", compression="zstd", row_group_size=20, use_dictionary=False)
    pq.write_table(pa.table({"messages": CHATS}), FOLDER / "chats.parquet")
    pq.write_table(pa.table({"body": ["a", None, "c"]}), FOLDER / "nulls.parquet", compression="none")
    pq.write_table(pa.Table.from_pylist(QUESTIONS), FOLDER / "questions.parquet")


main()
