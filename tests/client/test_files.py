"""Files on their way into and out of tasks, on processes and on threads."""

from __future__ import annotations

import dataclasses
import http.server
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import nbflow
from nbflow import Config, DataFlowKernel, File, bash_app, errors, join_app, python_app
from nbflow.compat.executors import HighThroughputExecutor, ThreadPoolExecutor
from nbflow.errors import CannotPickle
from nbflow.staging import NoOpFileStaging, Staging


class Paths(NamedTuple):
    first: Any


@dataclasses.dataclass(frozen=True)
class Job:
    paths: Paths


pytestmark = pytest.mark.usefixtures("each_flow")


@python_app
def read(inputs: Any = ()) -> list[str]:
    return [Path(file.filepath).read_text() for file in inputs]


@python_app
def text_of(file: Any) -> str:
    with open(file) as opened:
        return opened.read()


@python_app
def about(inputs: Any = ()) -> list[Any]:
    return [(type(file).__name__, str(file), file.url, file.local_path) for file in inputs]


@python_app
def touch(outputs: Any = ()) -> None:
    for file in outputs:
        Path(file).touch()


# ---------------------------------------------------------------- inputs


def test_strings_paths_and_files_among_inputs_become_files(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    given = [str(path), path, File(path), File(path.as_uri())]
    assert about(inputs=given).result(20) == [
        ("File", str(path), str(path), None),
        ("File", str(path), str(path), None),
        ("File", str(path), str(path), None),
        ("File", str(path), path.as_uri(), None),
    ]


def test_a_task_gets_a_clean_copy_and_what_it_does_to_it_stays_there() -> None:
    @python_app
    def spoil(inputs: Any = ()) -> str:
        inputs[0].local_path = "/elsewhere"
        inputs.append(1)
        return str(inputs[0].filepath)

    file = File("a.txt")
    file.local_path = "/mine"
    given = [file]
    assert spoil(inputs=given).result(20) == "/elsewhere"
    assert file.local_path == "/mine"
    assert given == [file]
    assert about(inputs=given).result(20)[0][3] is None


def test_a_chain_of_files_runs_in_order(tmp_path: Path) -> None:
    @bash_app
    def write(n: int, outputs: Any = ()) -> str:
        return f"echo {n} &> {outputs[0]}"

    @bash_app
    def concat(inputs: Any = (), outputs: Any = (), stdout: Any = None) -> str:
        return f"cat {' '.join(inputs)} | tee {outputs[0].filepath}"

    parts = [write(n, outputs=[File(tmp_path / f"{n}.txt")]) for n in range(3)]
    whole = concat(
        inputs=[part.outputs[0] for part in parts], outputs=[tmp_path / "all"], stdout=str(tmp_path / "out")
    )
    assert read(inputs=whole.outputs).result(20) == ["0\n1\n2\n"]
    with open(whole.outputs[0].result(20)) as file:
        assert file.read() == "0\n1\n2\n"
    assert (tmp_path / "out").read_text() == "0\n1\n2\n"


# ---------------------------------------------------------------- outputs


@pytest.mark.parametrize("make", [str, Path, File])
def test_outputs_may_be_strings_paths_or_files_and_their_folders_are_made(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a"
    future = touch(outputs=[make(path)])
    assert future.outputs[0].result(20) == str(path)
    assert path.exists()


@pytest.mark.parametrize("make", [python_app, bash_app])
def test_outputs_that_are_missing_after_the_run_are_an_error(make: Any, tmp_path: Path) -> None:
    future = make(lambda: "true")(outputs=[tmp_path / "never", tmp_path])
    with pytest.raises(errors.MissingOutputs) as caught:
        future.result(20)
    assert caught.value.outputs == [str(tmp_path / "never")]
    assert "ended without writing all its outputs" in caught.value.reason
    with pytest.raises(errors.MissingOutputs):
        future.outputs[1].result(20)


@pytest.mark.parametrize("written", ["where it was to be", "elsewhere"])
def test_outputs_are_looked_for_where_they_were_to_be_when_the_task_began(
    tmp_path: Path, written: str
) -> None:
    @python_app
    def write(outputs: Any = ()) -> None:
        place = (
            os.path.abspath(outputs[0]) if written == "where it was to be" else os.path.basename(outputs[0])
        )
        os.chdir(tempfile.mkdtemp(dir=tmp_path))
        Path(place).touch()

    future = write(outputs=[os.path.relpath(tmp_path / "result.txt")])
    if written == "where it was to be":
        assert future.result(20) is None
    else:
        with pytest.raises(errors.MissingOutputs):
            future.result(20)


def test_a_failed_task_says_why_and_not_that_its_outputs_are_missing(tmp_path: Path) -> None:
    assert isinstance(
        bash_app(lambda: "exit 2")(outputs=[tmp_path / "a"]).exception(20), errors.BashExitFailure
    )


def test_the_outputs_of_a_join_app_may_be_left_to_its_tasks(tmp_path: Path) -> None:
    @join_app
    def pass_on(outputs: Any = ()) -> Any:
        return touch(outputs=outputs)

    assert pass_on(outputs=[tmp_path / "a"]).outputs[0].result(20) == str(tmp_path / "a")


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"outputs": "a"}, "outputs= takes a list, not 'a'"),
        ({"inputs": b"a"}, "inputs= takes a list, not b'a'"),
        ({"inputs": {1}}, "inputs= takes a list, not {1}"),
        ({"outputs": [3]}, "outputs= takes paths, strings or Files, not 3"),
        ({"outputs": ["http://host/a"]}, "outputs= takes files of this machine, not http://host/a"),
        ({"outputs": [""]}, "needs a path"),
    ],
)
def test_what_cannot_be_used_is_refused_at_the_call(keywords: Any, words: str) -> None:
    with pytest.raises(errors.UsageError) as caught:
        touch(**keywords)
    assert words in str(caught.value)


# ---------------------------------------------------------------- files that are fetched


class Server(http.server.ThreadingHTTPServer):
    """A web server of this process that counts what it is asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Pages)
        self.asked: Counter[str] = Counter()
        self.broken = True  # what /healing answers with

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Pages(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        body = f"text of {self.path}".encode()
        if self.path == "/gone" or (self.path == "/healing" and self.server.broken):
            self.send_error(404)
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/there/a.txt")
            self.end_headers()
        elif self.path == "/nothing":
            self.send_response(204)
            self.end_headers()
        else:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + (10 if self.path == "/short" else 0)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_url_is_fetched_by_a_task_before_the_one_that_is_given_it(
    server: Server, each_flow: DataFlowKernel
) -> None:
    url = server.url("/x/a.txt")
    assert read(inputs=[url]).result(20) == ["text of /x/a.txt"]
    name, path, given, local = about(inputs=[File(url)]).result(20)[0]
    assert (name, given, local) == ("File", url, path)
    assert path.startswith(each_flow.run_dir)
    assert path.endswith("/a.txt")
    assert not list(Path(path).parent.glob("*.part"))


def test_a_url_is_fetched_once_and_equal_names_do_not_clash(server: Server) -> None:
    urls = [server.url(f"/{n}/same.txt") for n in range(2)]
    futures = [read(inputs=[File(url) for url in urls]) for _ in range(3)]
    assert [future.result(20) for future in futures] == [["text of /0/same.txt", "text of /1/same.txt"]] * 3
    # once by the flow on processes, once by that on threads
    assert {path: server.asked[path] in (1, 2) for path in ("/0/same.txt", "/1/same.txt")} == {
        "/0/same.txt": True,
        "/1/same.txt": True,
    }


def test_a_file_to_be_fetched_may_be_any_argument_at_any_depth(server: Server) -> None:
    @python_app
    def texts(shape: Any, more: Any = None) -> Any:
        with open(shape["a"][0]) as one, open(more) as other:
            return one.read(), other.read()

    file = File(server.url("/deep"))
    shape = {"a": [file, 1], "b": 2}
    assert texts(shape, more=file).result(20) == ("text of /deep", "text of /deep")
    assert shape == {"a": [file, 1], "b": 2}
    assert shape["a"][0] is file  # type: ignore[index]
    assert file.remote, "the caller's own is left as it is"

    @python_app
    def by_default(file: Any = file) -> str:
        with open(file) as opened:
            return opened.read()

    assert by_default().result(20) == "text of /deep"

    @python_app
    def of_a_record(job: Any) -> str:
        with open(job.paths.first) as opened:
            return opened.read()

    assert of_a_record(Job(Paths(file))).result(20) == "text of /deep"


def test_a_file_to_be_fetched_is_fetched_for_commands_and_inside_tasks_too(
    server: Server, tmp_path: Path
) -> None:
    @bash_app
    def copy(inputs: Any = (), outputs: Any = ()) -> str:
        return f"cp {inputs[0]} {outputs[0]}"

    copied = copy(inputs=[server.url("/moved")], outputs=[tmp_path / "copy"])
    assert text_of(copied.outputs[0]).result(20) == "text of /there/a.txt"

    @join_app
    def inside(url: str) -> Any:
        return text_of(File(url))

    assert inside(server.url("/inside")).result(20) == "text of /inside"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/gone", "the server answered 404"),
        ("/nothing", "the server answered 204"),
        ("/short", "it broke off after 14 of 24 bytes"),
    ],
)
def test_a_file_that_cannot_be_fetched_says_what_the_server_answered(
    server: Server, path: str, words: str
) -> None:
    error = read(inputs=[server.url(path)]).exception(20)
    assert isinstance(error, errors.DependencyError)
    assert isinstance(error.__cause__, errors.StagingError)
    assert server.url(path) in str(error)
    assert words in str(error)


def test_a_server_that_is_not_there_is_named() -> None:
    error = read(inputs=["http://127.0.0.1:1/a"]).exception(20)
    assert "StagingError: http://127.0.0.1:1/a cannot be fetched: " in str(error)
    assert "refused" in str(error)


def test_what_could_not_be_fetched_is_tried_again_by_the_next_call(server: Server) -> None:
    url, server.broken = server.url("/healing"), True
    assert isinstance(read(inputs=[url]).exception(20), errors.DependencyError)
    server.broken = False
    assert read(inputs=[url]).result(20) == ["text of /healing"]


@pytest.mark.parametrize("url", ["ftp://host/a", "globus://end/a", "zip:/a.zip/b", "s3://bucket/a"])
def test_a_scheme_that_nobody_can_fetch_is_refused_at_the_call(url: str) -> None:
    for call in (lambda: read(inputs=[url]), lambda: text_of(File(url))):
        with pytest.raises(errors.UsageError) as caught:
            call()
        assert f"cannot be given {url}: this flow takes files of file, http and https" in str(caught.value)


# ---------------------------------------------------------------- ways of the user's own


class Upper(Staging):
    """Brings in upper:... by a task that writes the path in capitals."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def can_stage_in(self, file: File) -> bool:
        return file.scheme == "upper"

    def stage_in(self, dm: Any, executor: str, file: File, parent_fut: Any) -> Future[File]:
        self.asked.append(file.url)
        file.local_path = dm.place_for(file)
        made: Future[File] = python_app(data_flow_kernel=dm.dfk)(capitals)(file.path, outputs=[file]).outputs[
            0
        ]
        return made


def capitals(text: str, outputs: Any = ()) -> None:
    Path(outputs[0]).write_text(text.upper())


def test_values_are_not_asked_for_their_class_when_files_to_be_fetched_are_looked_for(
    each_flow: DataFlowKernel,
) -> None:
    class OfNoClass:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:  # type: ignore[override]
            raise ValueError("asked")

    @python_app
    def count(values: Any) -> int:
        return len(values)

    assert File("http://localhost/from-now-on-they-are-looked-for").remote
    if "threads" in each_flow.executors:
        assert count([OfNoClass()]).result(30) == 1
    else:
        with pytest.raises(CannotPickle, match="asked"):  # pickle does ask
            count([OfNoClass()])


@pytest.mark.parametrize("executor", [HighThroughputExecutor, ThreadPoolExecutor])
def test_a_way_of_the_users_own_is_asked_once_for_each_file(executor: Any, tmp_path: Path) -> None:
    way = Upper()
    config = Config([executor(storage_access=[NoOpFileStaging(), way], working_dir=str(tmp_path / "work"))])
    (tmp_path / "plain").write_text("plain")
    with DataFlowKernel(config) as flow:
        app = python_app(data_flow_kernel=flow)(read.__wrapped__)  # type: ignore[attr-defined]
        given = [File("upper:///a/b"), File(tmp_path / "plain")]
        assert [app(inputs=given).result(20) for _ in range(2)] == [["/A/B", "plain"]] * 2
        assert way.asked == ["upper:///a/b"]
        with pytest.raises(nbflow.UsageError, match="http://host/a"):
            app(inputs=["http://host/a"])
    assert (tmp_path / "work" / "staged").is_dir()


def test_a_way_of_staging_must_be_one() -> None:
    with pytest.raises(errors.ConfigurationError, match="storage_access"):
        ThreadPoolExecutor(storage_access=["http"])
