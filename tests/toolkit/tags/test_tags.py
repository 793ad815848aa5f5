"""Tags are derived from HEAD: the same HEAD, the same tags, and the work tree is not touched."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import Typer
from typer.testing import CliRunner, Result

from strangler.toolkit.tags.cli import tags

Git = Callable[..., str]
app = Typer()
app.command()(tags)


def run(*options: str) -> Result:
    return CliRunner().invoke(app, ["--plan", "migration/plan.yaml", *options])


def derived(*options: str) -> dict[str, Any]:
    result = run("--json", *options)
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.output)
    return answer


def commits() -> dict[str, str]:
    return {tag["name"]: tag["commit"] for tag in derived()["tags"]}


def test_built_stages_become_a_chain_of_tags(git: Git) -> None:
    assert list(commits()) == ["stage-0-start", "stage-1-edge"]
    assert git("tag").splitlines() == ["stage-0-start", "stage-1-edge"]
    assert git("log", "--format=%s", "stage-1-edge").splitlines() == ["Stage 1, edge", "Stage 0, start"]
    assert git("rev-parse", "stage-1-edge^{commit}~1") == git("rev-parse", "stage-0-start^{commit}")
    assert git("tag", "--list", "--format=%(contents:subject)") == "All in one.\nA gateway in front."


def test_same_head_gives_the_same_hashes_anywhere(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = derived()
    git("clone", "--quiet", "--no-tags", ".", str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    second = derived()
    assert [(t["commit"], t["tag"]) for t in first["tags"]] == [
        (t["commit"], t["tag"]) for t in second["tags"]
    ]


SIGNER = """\
#!/bin/sh
cat >/dev/null
case "$*" in *--verify*) echo "gpg: whose signature is this?" >&2; exit 1 ;; esac
printf '\\n[GNUPG:] SIG_CREATED \\n' >&2
printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'
"""
SETTINGS = """\
[log]
    showSignature = true
[i18n]
    commitEncoding = ISO-8859-1
    logOutputEncoding = ISO-8859-1
[column]
    ui = always
[color]
    ui = always
[tag]
    sort = -refname
    gpgSign = true
[commit]
    gpgSign = true
[core]
    autocrlf = true
    logAllRefUpdates = always
[user]
    useConfigOnly = true
"""


def test_tags_do_not_depend_on_the_users_settings_of_git(
    git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "signer").write_text(SIGNER)
    (tmp_path / "signer").chmod(0o755)
    git("config", "gpg.program", str(tmp_path / "signer"))
    git("config", "user.name", "Zoë of Köln")
    git("commit", "--quiet", "--allow-empty", "--gpg-sign", "--message=Signed")
    git("tag", "stage-8-mine")
    git("tag", "stage-9-mine")
    first = derived()["tags"]
    git("config", "--unset", "user.name")
    (tmp_path / "settings").write_text(SETTINGS)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "settings"))
    assert "whose signature" in git("show", "--no-patch", "--format=", "HEAD")
    second = derived("--check")["tags"]
    assert [(t["commit"], t["tag"]) for t in second] == [(t["commit"], t["tag"]) for t in first]


def test_author_and_date_are_heads(git: Git) -> None:
    commits()
    shown = ("show", "-s", "--format=%an %ae %ad %cn %ce %cd", "--date=iso-strict")
    assert git(*shown, "stage-1-edge^{commit}") == git(*shown, "HEAD")


def test_files_of_later_stages_are_absent_and_superseded_ones_gone(git: Git) -> None:
    commits()
    start = git("ls-tree", "-r", "--name-only", "stage-0-start").splitlines()
    edge = git("ls-tree", "-r", "--name-only", "stage-1-edge").splitlines()
    assert start == [".env", "direct.txt", "docker-compose.yml", "gateway.txt", "migration/plan.yaml", "run"]
    assert sorted({*edge} - {*start}) == ["gateway/routes.yml", "migration/1-edge/README.md"]
    assert sorted({*start} - {*edge}) == ["direct.txt"]
    assert git("ls-tree", "stage-0-start", "run").startswith("100755")


def test_stage_is_set_in_env(git: Git) -> None:
    commits()
    assert git("show", "stage-0-start:.env") == "# which stage\nSTAGE=0\nPASSWORD=x"
    assert git("show", "stage-1-edge:.env") == "# which stage\nSTAGE=1\nPASSWORD=x"


def test_compose_file_holds_the_stages_services_only(git: Git) -> None:
    commits()
    text = git("show", "stage-0-start:docker-compose.yml")
    assert yaml.safe_load(text) == {
        "x-every": {"profiles": ["stage-0"]},
        "services": {"web": {"profiles": ["stage-0"], "image": "library"}},
        "volumes": {},
    }
    assert "gateway" not in text
    assert git("diff", "HEAD", "stage-1-edge", "--", "docker-compose.yml") == ""


def test_plan_of_an_earlier_stage_calls_later_ones_unbuilt(git: Git) -> None:
    commits()
    stages = yaml.safe_load(git("show", "stage-0-start:migration/plan.yaml"))["stages"]
    assert [stage.get("built", False) for stage in stages] == [True, False, False]


def test_work_tree_index_and_branch_are_not_touched(git: Git) -> None:
    Path("untracked.txt").write_text("mine")
    index = Path(".git/index").read_bytes()
    head = git("rev-parse", "HEAD")
    commits()
    assert Path(".git/index").read_bytes() == index
    assert git("rev-parse", "HEAD") == head
    assert git("status", "--porcelain") == "?? untracked.txt"


def test_check_tells_missing_current_and_stale_and_writes_nothing(git: Git) -> None:
    objects = git("count-objects")
    missing = run("--check")
    assert missing.exit_code == 1
    assert "missing" in missing.output
    assert git("count-objects") == objects
    commits()
    assert run("--check").exit_code == 0
    git("commit", "--quiet", "--allow-empty", "--message=A fix")
    stale = run("--check")
    assert stale.exit_code == 1
    assert "out of date" in stale.output
    before = git("rev-parse", "stage-0-start")
    commits()
    assert git("rev-parse", "stage-0-start") != before
    assert run("--check").exit_code == 0


def test_json_is_without_colours(git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert [tag["name"] for tag in derived()["tags"]] == ["stage-0-start", "stage-1-edge"]


def test_dirty_tree_is_refused(git: Git) -> None:
    Path("direct.txt").write_text("changed")
    result = run()
    assert result.exit_code == 2
    assert "There are uncommitted changes" in result.output
    assert git("tag") == ""


def test_tag_made_by_hand_is_not_overwritten(git: Git) -> None:
    git("tag", "stage-1-edge")
    result = run()
    assert result.exit_code == 2
    assert "The tag stage-1-edge exists and was not derived" in result.output
    assert git("tag") == "stage-1-edge"


def test_tag_of_a_stage_that_left_the_plan_is_removed(git: Git) -> None:
    commits()
    plan = Path("migration/plan.yaml")
    plan.write_text(plan.read_text().replace("name: edge", "name: gateway"))
    git("commit", "--quiet", "--all", "--message=Rename")
    git("tag", "stage-9-mine")
    assert derived()["leftover"] == ["stage-1-edge"]
    assert git("tag").splitlines() == ["stage-0-start", "stage-1-gateway", "stage-9-mine"]


def test_plan_that_names_what_head_does_not_have_is_refused(git: Git) -> None:
    git("rm", "--quiet", "-r", "gateway")
    git("commit", "--quiet", "--message=No gateway")
    result = run()
    assert result.exit_code == 2
    assert "migration/plan.yaml names gateway, which HEAD does not have." in result.output


def test_anchor_that_only_a_later_service_defines_is_named(git: Git) -> None:
    Path("docker-compose.yml").write_text(
        "services:\n  proxy:\n    image: &image proxy\n  registry: {}\n  web:\n    image: *image\n"
    )
    git("commit", "--quiet", "--all", "--message=Anchors")
    result = run()
    assert result.exit_code == 2
    assert "An anchor that other services use must stand outside" in result.output


def test_outside_of_a_repository_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = run()
    assert result.exit_code == 2
    assert "not a git repository" in result.output


def test_a_moved_domains_package_stands_with_its_host(git: Git) -> None:
    plan = Path("migration/plan.yaml")
    plan.write_text(
        plan.read_text()
        .replace("root: ..\n", "root: ..\nsources: [., services, site]\n")
        .replace("hosts:\n", "hosts:\n  # Theirs alone.\n  books:\n    settings: books.settings\n")
        .replace("app: books", "app: shelf.books")
        .replace(
            "    moves: [books]", "    built: true\n    introduces: [services/books]\n    moves: [books]"
        )
    )
    for name in ("services/books/settings.py", "site/shelf/books/models.py", "site/shelf/other.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"# {name}\n")
    git("add", "--all")
    git("commit", "--quiet", "--message=Books")
    commits()

    def python(tag: str) -> set[str]:
        return {f for f in git("ls-tree", "-r", "--name-only", tag).splitlines() if f.endswith(".py")}

    assert python("stage-1-edge") == {"site/shelf/books/models.py", "site/shelf/other.py"}
    assert python("stage-2-books") == {
        "services/books/settings.py",
        "services/books/shelf/books/models.py",
        "site/shelf/other.py",
    }
    before, after = (
        yaml.safe_load(git("show", f"{tag}:migration/plan.yaml")) for tag in ("stage-1-edge", "stage-2-books")
    )
    assert set(before["hosts"]) == {"library"}
    assert set(after["hosts"]) == {"library", "books"}
    assert before["sources"] == [".", "services", "site"]
    assert after["sources"] == [".", "services", "site", "services/books"]
