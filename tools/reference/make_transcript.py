"""
Makes tests/golden/evaluation/transcript.json: what lm-evaluation-harness 0.4.13 sends to a server, and what it makes of the answers. Its command line asks
`portmanteau serve` through a proxy that writes down every request. Needs Node and a build (`npm run -s build`), and besides requirements.txt what
make_evaluation_tasks.py needs, and aiohttp, requests, tenacity, tqdm.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from lm_eval import __version__

ROOT = Path(__file__).parents[2]
TASKS = ROOT / "tests" / "fixtures" / "evaluation" / "tasks"
TEMPLATE = ROOT / "tests" / "fixtures" / "chat_template.jinja"
OUT = ROOT / "tests" / "golden" / "evaluation" / "transcript.json"
MODEL = "granite-tiny"

# name -> path of the endpoint, arguments of lm_eval, arguments of the model
RUNS = {
    "completions": (
        "/v1/completions",
        ["--model", "local-completions", "--tasks", "own_several_right,own_last_word,own_rolling,own_written", "--batch_size", "8"],
        ["tokenizer=FOLDER", "max_length=512"],
    ),
    "completions, texts in place of ids": (
        "/v1/completions",
        ["--model", "local-completions", "--tasks", "own_last_word,own_written", "--batch_size", "1"],
        ["tokenizer=FOLDER", "max_length=512", "tokenized_requests=False"],
    ),
    "completions, several at a time": (
        "/v1/completions",
        ["--model", "local-completions", "--tasks", "own_last_word,own_written", "--batch_size", "2"],
        ["tokenizer=FOLDER", "max_length=512", "num_concurrent=4"],
    ),
    "chat": (
        "/v1/chat/completions",
        ["--model", "local-chat-completions", "--apply_chat_template", "--tasks", "own_written"],
        [],
    ),
}


class Proxy(ThreadingHTTPServer):
    """Passes requests on, and keeps them."""

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Passing)
        self.target = target
        self.requests = []
        Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.passed(body)

    def do_GET(self):
        self.passed(None)

    def passed(self, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() in ("content-type", "authorization")}
        asked = urllib.request.Request(self.server.target + self.path, data=body, headers=headers, method=self.command)
        try:
            with urllib.request.urlopen(asked) as answer:
                status, content = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, content = error.code, error.read()
        entry = {"method": self.command, "path": self.path, "headers": {name.lower(): value for name, value in headers.items()}, "status": status}
        if body is not None:
            entry["body"] = json.loads(body)
        self.server.requests.append(entry)
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def serve(folder):
    """The process of a server, and its address."""
    command = ["node", str(ROOT / "bin" / "portmanteau.js"), "serve", str(folder), "--port", "0", "--no-log"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    url = server.stdout.readline().split()[-1]
    while True:
        try:
            urllib.request.urlopen(f"{url}/health")
            return server, url
        except urllib.error.HTTPError:  # 503: it loads the model
            time.sleep(0.2)


def rows(sample):
    """What is compared of a line of samples_*.jsonl."""
    arguments = [[one[key] for key in sorted(one)] for _, one in sorted(sample["arguments"].items(), key=lambda item: int(item[0].split("_")[-1]))]
    kept = ("doc_id", "filter", "resps")
    return {**{name: sample[name] for name in kept}, "arguments": arguments}


def main():
    out = {"model": MODEL, "lm_eval": __version__, "runs": {}}
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp) / MODEL
        shutil.copytree(ROOT / "models" / MODEL, folder)
        shutil.copy(TEMPLATE, folder)
        server, url = serve(folder)
        try:
            for name, (path, arguments, model_arguments) in RUNS.items():
                proxy = Proxy(url)
                given = [f"model={MODEL}", f"base_url={proxy.url}{path}", *(one.replace("FOLDER", str(folder)) for one in model_arguments)]
                results = Path(temp) / "results" / name.replace(" ", "-")
                command = [*arguments, "--model_args", ",".join(given), "--include_path", str(TASKS), "--log_samples", "--output_path", str(results)]
                # It may fail when all is written: its table wants one more package. What it did not write is missed below.
                subprocess.run([sys.executable, "-m", "lm_eval", *command], cwd=TASKS, env={**os.environ, "HF_HUB_OFFLINE": "1"})
                proxy.shutdown()
                scores = json.loads(next(results.rglob("results_*.json")).read_text(encoding="utf-8"))["results"]
                samples = {}
                for file in sorted(results.rglob("samples_*.jsonl")):
                    task = file.name.removeprefix("samples_").rsplit("_", 1)[0]
                    samples[task] = [rows(json.loads(line)) for line in file.read_text(encoding="utf-8").splitlines()]
                written = " ".join(["lm_eval", *arguments, "--model_args", ",".join([f"model={MODEL}", f"base_url=URL{path}", *model_arguments])])
                out["runs"][name] = {"command": written, "requests": proxy.requests, "results": scores, "samples": samples}
        finally:
            server.terminate()
            server.wait()
    OUT.write_text(json.dumps(out, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
