"""Proves that the page of ``bigram explain --html`` shows the record and nothing else, needs no
network, cannot be broken by the text, can be used with a mouse and with keys, and is readable at
any width and on paper. What needs a browser is tried in a real one, headless Chromium, and skips
where there is none."""

import base64
import html.parser
import json
import os
import re
import shutil
import stat
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.cli import main
from bigram.explain.page import command, page, write_page
from bigram.explain.record import explain
from bigram.explain.steps import formulas, number
from common.errors import UserError
from tests.kit import HANG, ROOT, one_in

FOLDER = ROOT / "bigram" / "explain"


@pytest.fixture(scope="module")
def record() -> dict:
    return explain("hello")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for all tests of this file."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = next(
        filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
    )
    driver = shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no chromium or no chromedriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture(scope="module")
def url(record: dict, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("page") / "hello.html"
    return write_page(record, path).as_uri()


@pytest.fixture
def opened(browser: Any, url: str) -> Any:
    """The page at its first step, on a desk."""
    screen(browser, 1400)
    browser.get("about:blank")
    browser.get(url)
    return browser


def screen(browser: Any, width: int, scheme: str = "light", media: str = "") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})


def go(browser: Any, key: str) -> None:
    browser.execute_script(
        "location.hash = arguments[0]; window.dispatchEvent(new Event('hashchange'))", key
    )
    assert browser.execute_script("return document.querySelector('.current').dataset.key") == key


def written(text: str) -> str:
    """What the page shows, with the hyphens it stands for."""
    return text.replace("−", "-")


def flat(nested: Any) -> list[Any]:
    return (
        [entry for part in nested for entry in flat(part)] if isinstance(nested, list) else [nested]
    )


def scrub(browser: Any, step: int) -> None:
    slider = browser.find_element("id", "scrub")
    browser.execute_script(
        "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
        slider,
        step,
    )


def training_tables(browser: Any) -> dict[str, list[str]]:
    texts = "[...figure.querySelectorAll('th + td, td + td')].map((td) => td.textContent)"
    figures = browser.execute_script(
        "return [...document.querySelectorAll('figure[data-training]')]"
        f".map((figure) => [figure.dataset.training, {texts}])"
    )
    return {name: [written(text) for text in texts] for name, texts in figures}


# The file


def test_the_page_is_one_file_that_asks_for_no_other(record: dict) -> None:
    text = page(record)
    # a name, not an address
    assert re.findall(r"https?://[^\s\"']+", text) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(img|link|iframe|script src)|@import|url\(", text)
    assert "default-src 'none'" in text


def test_the_record_is_in_it_whole(record: dict) -> None:
    data = re.search(
        r'<script type="application/json" id="record">(.*?)</script>', page(record), re.DOTALL
    )
    assert data
    held = json.loads(data[1])
    for key in ("text", "W", "agreement", "scalars", "idx", "targets"):
        assert held[key] == record[key]
    for ours, theirs in zip(record["steps"], held["steps"], strict=True):
        assert {key: theirs[key] for key in ours if key != "torch"} == {
            key: ours[key] for key in ours if key != "torch"
        }
    assert held["training"].items() >= record["training"].items()


def test_the_script_knows_no_arithmetic_of_the_model() -> None:
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    assert set(re.findall(r"Math\.(\w+)", script)) == {"abs", "max"}  # for the tints and the curve


def test_every_step_has_a_formula_in_mathml(record: dict) -> None:
    assert list(formulas()) == [step["key"] for step in record["steps"]]
    for formula in formulas().values():
        math = ElementTree.fromstring(f"<math>{formula.replace('&nbsp;', ' ')}</math>")
        assert {node.tag for node in math.iter()} <= {
            "math", "mrow", "mi", "mn", "mo", "mtext", "msub", "msup", "mfrac", "munder", "msqrt"
        }  # fmt: skip


NASTY = (
    "</script><script>document.title = 'broken'</script><!-- <script \" ' & {{js}} \u2028 \\u003c"
)


def nasty_record() -> dict:
    """More than a text can hold: the label of a character, which is shown everywhere."""
    record = explain("<!-- \u2028")
    characters = [character | {"shown": NASTY} for character in record["characters"]]
    return record | {"text": NASTY, "characters": characters}


def markup(text: str) -> list[str]:
    """Every tag and comment of a page, in order."""
    found: list[str] = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: found.append(tag)  # type: ignore[method-assign]
    parser.handle_endtag = lambda tag: found.append(f"/{tag}")  # type: ignore[method-assign]
    parser.handle_comment = lambda data: found.append("comment")  # type: ignore[method-assign]
    parser.feed(text)
    parser.close()
    return found


def test_no_text_can_leave_its_place(record: dict) -> None:
    assert markup(page(nasty_record())) == markup(page(record))
    assert page(nasty_record()).count("\u2028") == 0


def test_writing_is_all_or_nothing(
    record: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    path.write_text("what was there", encoding="utf-8")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    for step in ("fsync", "replace"):
        with monkeypatch.context() as patched:
            patched.setattr(os, step, full)
            with pytest.raises(
                UserError, match=r"cannot write .*page\.html: No space left on device"
            ):
                write_page(record, path)
        assert path.read_text(encoding="utf-8") == "what was there"
    assert list(tmp_path.iterdir()) == [path]
    assert write_page(record, path).read_text(encoding="utf-8") == page(record)
    assert list(tmp_path.iterdir()) == [path]
    if os.name == "posix":
        (tmp_path / "plain").write_text("", encoding="utf-8")
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(
            (tmp_path / "plain").stat().st_mode
        )


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (".", "bigram: . is not a regular file"),
        ("nowhere/page.html", "bigram: cannot write nowhere/page.html: No such"),
    ],
)
def test_a_page_that_cannot_be_written_is_one_line(
    path: str,
    error: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "ab", "--html", path]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(error)
    assert len(printed.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "page.html"
    assert main(["explain", "ab", "--html", str(path)]) == 0
    assert capsys.readouterr().out == f"{path.resolve()}: open it in a browser\n"
    assert path.read_text(encoding="utf-8") == page(explain("ab"))


# In a browser


def test_it_opens_without_errors_and_asks_for_nothing(opened: Any) -> None:
    assert opened.get_log("browser") == []
    assert opened.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert opened.title == "hello: one pass through a bigram model"
    assert opened.execute_script("return document.querySelectorAll('math').length") > 25
    # MathML is laid out, not shown as text: a fraction is taller than a line.
    go(opened, "ds")
    assert (
        opened.execute_script(
            "return document.querySelector('.current mfrac').getBoundingClientRect().height"
        )
        > 25
    )


EVERY_CELL = """
return [...document.querySelectorAll('main section:not(.training)')].map((section) => ({
  key: section.dataset.key,
  figures: [...section.querySelectorAll('figure')].map((figure) => ({
    name: figure.querySelector('figcaption').textContent,
    cells: [...figure.querySelectorAll('td')].filter((td) => td.where).map((td) => td.textContent),
  })),
  words: [...section.querySelectorAll('p')].map((p) => p.textContent),
  code: [...section.querySelectorAll('pre')].map((pre) => pre.textContent),
  hovered: [...section.querySelectorAll('.result td')].filter((td) => td.where).map((td) => {
    td.dispatchEvent(new MouseEvent('mouseenter'));
    return {
      arithmetic: [...section.querySelectorAll('.arithmetic span')].map((span) => span.textContent),
      sources: [...section.querySelectorAll('td.source')].map((source) =>
        [source.closest('figure').querySelector('figcaption').textContent, source.where]),
      chosen: [...section.querySelectorAll('td.chosen')].map((cell) => cell.where),
    };
  }),
}))
"""


def caption(tensor: dict) -> str:
    return tensor["name"] + (
        f" ({', '.join(map(str, tensor['shape']))})" if tensor["shape"] else ""
    )


def test_every_number_is_the_records_and_every_entry_explains_itself(
    opened: Any, record: dict
) -> None:
    tensors = {tensor["key"]: tensor for tensor in [record["W"], *record["steps"]]}
    sections = opened.execute_script(EVERY_CELL)
    assert [section["key"] for section in sections] == [step["key"] for step in record["steps"]]
    words = {section["key"]: section["words"][0] for section in sections}
    assert "The log-probability" in words["picked"]  # a hyphen stays one,
    assert "is −1 / N at" in words["dlogits_fused"]  # and a minus is as wide as a plus
    for section, step in zip(sections, record["steps"], strict=True):
        entries, shown = flat(step["entries"]), flat(step["shown"])
        used = dict.fromkeys(key for entry in entries if entry for key, _ in entry["from"])
        figures = [
            (caption(tensors[key]), flat(tensors[key]["shown"])) for key in [*used, step["key"]]
        ]
        assert [
            (f["name"], [written(text) for text in f["cells"]]) for f in section["figures"]
        ] == figures
        assert written(section["words"][0]) == step["why"]
        assert section["code"] == [code["source"] for code in step["code"]]
        for k, (hovered, entry) in enumerate(zip(section["hovered"], entries, strict=True)):
            sides = [entry["names"], entry["numbers"], shown[k]] if entry else [shown[k]]
            if entry and entry["names"] == entry["numbers"]:
                sides = [shown[k]]
            said = [written(text) for text in hovered["arithmetic"]]
            if step["torch"]:
                assert said[-3:-1] == ["torch", "="]
                assert said.pop().startswith(f"{flat(step['torch']['shown'])[k]}; ")
                said = said[:-2]
            assert said[2::3] == list(dict.fromkeys(sides))
            assert said[0].startswith(step["name"])
            sources = (
                {(caption(tensors[key]), *where) for key, where in entry["from"]}
                if entry
                else set()
            )
            assert {(name, *where) for name, where in hovered["sources"]} == sources
            assert len(hovered["chosen"]) == 1


def test_a_mouse_over_an_entry_shows_where_it_comes_from(opened: Any) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    go(opened, "dW")
    cells = opened.find_elements("css selector", ".current .result td[role=gridcell]")
    ActionChains(opened).move_to_element(cells[11]).perform()  # dW[2, 3]
    arithmetic = opened.find_element("css selector", ".current .arithmetic")
    lines = written(arithmetic.text).split()
    assert " ".join(lines).startswith(
        "dW[2, 3] = dlogits[2, 3] + dlogits[3, 3] = 0.0349 + (-0.2151) = -0.1803"
    )
    sources = opened.find_elements("css selector", ".current td.source")
    assert [written(cell.text) for cell in sources] == ["0.0349", "-0.2151"]
    ActionChains(opened).move_to_element(opened.find_element("css selector", "h1")).perform()
    assert arithmetic.text.startswith("dW[2, 2]")  # back to the entry that was chosen


def test_keys_do_all_that_a_mouse_does(opened: Any, record: dict) -> None:
    from selenium.webdriver.common.keys import Keys

    order = [*(step["key"] for step in record["steps"]), "training"]

    def current() -> str:
        return opened.execute_script("return document.querySelector('.current').dataset.key")

    def press(*keys: str) -> None:
        for key in keys:
            opened.switch_to.active_element.send_keys(key)

    assert current() == order[0]
    press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert current() == order[1]
    buttons = opened.find_elements("css selector", ".turn button")
    for key in order[2:]:
        buttons[1].click()
        assert current() == key
    assert not buttons[1].is_enabled()
    opened.execute_script("document.activeElement.blur()")
    press(Keys.ARROW_RIGHT)
    assert current() == "training"

    go(opened, "dz")
    opened.find_elements("css selector", "nav a[aria-current]")[0].send_keys("")
    focused: list[str] = []
    for _ in range(30):  # every stop shows that it has the focus, and one of them is a matrix
        press(Keys.TAB)
        style = (
            "const s = getComputedStyle(document.activeElement); return s.outlineStyle + "
            "s.outlineWidth"
        )
        assert opened.execute_script(style) == "solid3px"
        focused.append(opened.switch_to.active_element.get_attribute("role"))
        if focused[-1] == "gridcell":
            break
    assert focused[-1] == "gridcell"
    press(Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert opened.find_element("css selector", ".current .arithmetic").text.startswith("dz[1, 1]")
    # the edge holds, and no step is turned
    press(Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert opened.find_element("css selector", ".current .arithmetic").text.startswith("dz[1, 0]")
    assert current() == "dz"


def test_scrubbing_moves_the_loss_and_the_tables(opened: Any, record: dict) -> None:
    from selenium.webdriver.common.keys import Keys

    training = record["training"]
    go(opened, "training")
    seen = []
    for step in (0, 1, 57, training["steps"]):
        scrub(opened, step)
        tables = training_tables(opened)
        for name in ("W", "p", "dW"):
            assert tables[name] == [f"{number:.4f}" for number in flat(training[name][step])]
        frequencies = [row or [None] * record["V"] for row in training["frequencies"]]
        assert tables["frequencies"] == ["" if x is None else f"{x:.4f}" for x in flat(frequencies)]
        said = opened.find_element("css selector", ".curve output").text
        assert said == f"after {step} step{'s'[: step != 1]}: loss {training['loss'][step]:.4f}"
        now = opened.find_element("css selector", ".now").get_attribute("x1")
        seen.append((float(said.split()[-1]), float(now)))
    # it falls
    assert [loss for loss, _ in seen] == sorted({loss for loss, _ in seen}, reverse=True)
    assert [now for _, now in seen] == [0, 1, 57, training["steps"]]
    opened.find_element("id", "scrub").send_keys(Keys.HOME, Keys.ARROW_RIGHT)
    assert opened.find_element("css selector", ".curve output").text.startswith("after 1 step: ")


LAYOUT = """
const wide = document.documentElement;
const section = document.querySelector('.current');
const cut = (node) => node.scrollWidth > node.clientWidth + 1;
const boxes = [...section.querySelectorAll('h2, .formula, p, .arithmetic, figure, details, .curve')]
  .map((node) => node.getBoundingClientRect());
const meet = (a, b) =>
  a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
const overlaps = boxes.some((a, i) => boxes.slice(0, i).some((b) => meet(a, b)));
return {
  page: wide.scrollWidth - wide.clientWidth,
  formulas: [...section.querySelectorAll('.formula')].some(cut),
  figures: [...section.querySelectorAll('figure')].some(cut),
  arithmetic: [...section.querySelectorAll('.arithmetic')].some(cut),
  links: [...document.querySelectorAll('nav a')].some(cut),
  overlaps,
};
"""
ASK_AND_CHANGE = """
document.getElementById('asking').click();
const field = document.querySelector('.changer input');
field.value = '-9.9';
field.dispatchEvent(new Event('change'));
"""


@pytest.mark.parametrize("width", one_in(2, [320, 800, 1400, 390]))
def test_nothing_is_cut_and_nothing_overlaps(opened: Any, record: dict, width: int) -> None:
    screen(opened, width)
    keys = [*(step["key"] for step in record["steps"]), "training"]
    for key in [*keys, "", *keys]:
        if not key:  # once more with all that the reader can make appear
            opened.execute_script(ASK_AND_CHANGE)
            continue
        go(opened, key)
        wrong = [name for name, holds in opened.execute_script(LAYOUT).items() if holds]
        assert wrong == [], key


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_is_readable_in_light_and_in_dark(opened: Any) -> None:
    opened.execute_script(ASK_AND_CHANGE)
    opened.execute_script("document.getElementById('asking').click()")
    go(opened, "dz")
    opened.execute_script("document.querySelector('.skip').focus()")
    script = """
const names = ['.skip', '.asker', '.changes', '.changes button', '.changer input', 'footer code',
  'h1', 'h1 + p', '.kicker', 'nav a', 'nav a[aria-current]', 'nav a.source', '.current p',
  '.current figcaption', '.result figcaption', '.current th', '.current td.source',
  '.current output'];
return names.map((name) => document.querySelector(name)).filter((node) => node).map((node) => {
  let back = node;
  while (getComputedStyle(back).backgroundColor === 'rgba(0, 0, 0, 0)') back = back.parentElement;
  return [getComputedStyle(node).color, getComputedStyle(back).backgroundColor];
});"""
    backs = []
    for scheme in ("light", "dark"):
        screen(opened, 1400, scheme)
        pairs = opened.execute_script(script)
        assert len(pairs) == 18
        for front, back in pairs:
            darker, lighter = sorted([luminance(front), luminance(back)])
            # WCAG's level AA
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (scheme, front, back)
        backs.append(luminance(pairs[0][1]))
    assert backs[0] > 0.8
    assert backs[1] < 0.05


def test_on_paper_every_step_is_there(opened: Any, record: dict) -> None:
    screen(opened, 800, media="print")
    visible = (
        "return [...document.querySelectorAll(arguments[0])].filter((node) => node.offsetHeight > "
        "0).length"
    )
    assert opened.execute_script(visible, "section") == len(record["steps"]) + 1
    assert opened.execute_script(visible, "nav, button, input, details") == 0
    pdf = base64.b64decode(opened.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 10


# What the reader does


def change(browser: Any, i: int, j: int, typed: str) -> None:
    """Chooses an entry of W as a reader does, and types."""
    from selenium.webdriver.common.keys import Keys

    go(browser, "logits")
    V = browser.execute_script("return labels.length")
    browser.find_elements("css selector", ".current .input td[role=gridcell]")[i * V + j].click()
    field = browser.find_element("css selector", ".changer input")
    field.send_keys(Keys.CONTROL, "a")
    field.send_keys(Keys.NULL, typed or Keys.BACKSPACE, Keys.ENTER)


SHOWN = """
return Object.fromEntries([...tensors].map(([key, tensor]) => [key,
[tensor.shown, tensor.entries || null]]))
"""


@pytest.mark.parametrize(
    ("text", "where", "number"),
    one_in(
        3,
        [
            ("mississippi", (0, 3), 0.7),
            ("hello", (2, 1), 3.0),
            ("hello", (2, 0), -9.9),
            ("aa", (0, 0), 2.0),
            ("abcdefghijjihgfedcbaa", (9, 9), 9.9),
        ],
    ),
)
def test_everything_follows_a_changed_entry(
    browser: Any, tmp_path: Path, text: str, where: tuple[int, int], number: float
) -> None:
    """The script makes the same record as impl_numpy for that table, in every number that is
    shown."""
    given = explain(text)
    screen(browser, 1400)
    browser.get("about:blank")
    browser.get(write_page(given, tmp_path / "page.html").as_uri())
    table = np.array(given["W"]["value"])
    table[where] = number
    expected = explain(text, table)
    change(browser, *where, str(number))
    followed = browser.execute_script(SHOWN)
    for tensor in [expected["W"], *expected["steps"]]:
        shown, entries = followed[tensor["key"]]
        assert shown == tensor["shown"], tensor["key"]
        assert entries == tensor.get("entries"), tensor["key"]
    for section, step in zip(browser.execute_script(EVERY_CELL), expected["steps"], strict=True):
        cells = [written(cell) for cell in section["figures"][-1]["cells"]]
        assert cells == flat(step["shown"])
        said = [written(text) for hovered in section["hovered"] for text in hovered["arithmetic"]]
        assert "torch" not in said
    go(browser, "training")
    for step in (0, 1, 57, given["training"]["steps"]):
        scrub(browser, step)
        for name in ("W", "p", "dW"):
            rows = flat(expected["training"][name][step])
            assert training_tables(browser)[name] == [f"{x:.4f}" for x in rows], (name, step)
        assert (
            browser.find_element("id", "scrub")
            .get_attribute("aria-valuetext")
            .endswith(f"{expected['training']['loss'][step]:.4f}")
        )
    assert browser.get_log("browser") == []


def test_a_changed_table_can_be_reset(opened: Any, record: dict) -> None:
    before = opened.execute_script(SHOWN)
    assert not opened.find_element("css selector", ".changes").is_displayed()
    change(opened, 2, 1, "3.0")
    told = written(opened.find_element("css selector", ".changes").text)
    assert told.startswith(
        f"W[2, 1] is 3.0 instead of {record['W']['shown'][2][1]}. Every number follows;"
    )
    assert opened.execute_script(SHOWN) != before
    change(opened, 0, 0, "1.5")
    assert "; W[2, 1] is 3.0" in opened.find_element("css selector", ".changes").text
    given = (
        "return [...document.querySelectorAll('.given')]"
        ".some((node) => getComputedStyle(node).display !== 'none')"
    )
    assert not opened.execute_script(given)
    opened.find_element("css selector", ".changes button").click()
    assert opened.execute_script(SHOWN) == before
    assert opened.execute_script(given)
    assert not opened.find_element("css selector", ".changes").is_displayed()


@pytest.mark.parametrize("typed", ["", "10", "0.25", "-"])
def test_a_number_that_W_cannot_have_changes_nothing(opened: Any, typed: str) -> None:
    before = opened.execute_script(SHOWN)
    change(opened, 2, 1, typed)
    assert opened.find_element("css selector", ".changer output").text.startswith(
        "a number from −9.9 to 9.9"
    )
    assert opened.execute_script(SHOWN) == before


def test_numbers_are_written_as_python_writes_them(opened: Any) -> None:
    values = [
        0.0,
        -0.0,
        1.0,
        0.03125,
        -0.03125,
        0.09375,
        0.00003,
        -0.00003,
        1e-4,
        9.99995e-5,
        12345.6,
        123456.7,
    ]
    values += [9.0813e-06, -0.095296, 1e-8, 0.1, 0.9, 0.999, 200.0, 2.5, 0.5, 1.5]
    for form in (".4f", ".5g", "g", ".1f", ".0f"):
        made = opened.execute_script(
            "return arguments[0].map((value) => written(value, arguments[1]))", values, form
        )
        assert made == [number(value, form) for value in values], form


def test_asking_hides_a_number_until_it_is_known(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    go(opened, "dz")

    def cells() -> list[str]:
        found = opened.find_elements("css selector", ".current .result td[role=gridcell]")
        return [written(cell.text) for cell in found]

    def said() -> tuple[str, str]:
        arithmetic = opened.find_element("css selector", ".current .arithmetic").text
        verdict = opened.find_element("css selector", ".current .question output").text
        return " ".join(written(arithmetic).split()), written(verdict)

    def press(*keys: str) -> None:
        for key in keys:
            opened.switch_to.active_element.send_keys(key)

    before = cells()
    opened.find_element("id", "asking").send_keys(Keys.SPACE)
    assert cells() == ["?"] * 16
    assert said()[0].startswith("dz[2, 2] = dlogp[2, 2] + de[2, 2] × e[2, 2] = ")
    assert said()[0].endswith(" = ?")
    assert before[10] not in said()[0]
    assert not opened.find_elements(
        "css selector", ".current .result td.positive, .current td.push"
    )
    opened.find_elements("css selector", ".current .result td[role=gridcell]")[10].click()
    press(Keys.ENTER, "x", Keys.ENTER)
    assert said()[1].startswith("that is not a number")
    right = float(before[10])
    press(Keys.BACKSPACE, f"{right + 0.0002:.4f}", Keys.ENTER)
    assert said()[1] == "wrong: the number is smaller"
    assert cells() == ["?"] * 16
    press(*[Keys.BACKSPACE] * 8, f"{right - 0.0002:.4f}".replace("-", "−"), Keys.ENTER)
    assert said()[1] == "wrong: the number is larger"
    # within a unit of the last digit
    press(*[Keys.BACKSPACE] * 8, f"{right + 0.0001:.4f}", Keys.ENTER)
    assert said()[1] == f"right: dz[2, 2] = {before[10]}"
    assert cells() == ["?"] * 10 + [before[10]] + ["?"] * 5
    assert before[10] in said()[0]
    press(Keys.ARROW_RIGHT)  # the focus is on the entry again
    assert said()[0].startswith("dz[2, 3]")
    assert said()[1] == ""
    opened.find_element("css selector", ".current .question button[type=button]").click()
    assert said()[1] == f"dz[2, 3] = {before[11]}"
    opened.find_element("id", "asking").send_keys(Keys.SPACE)
    assert cells() == before
    go(opened, "C")  # a count is exact
    opened.find_element("id", "asking").send_keys(Keys.SPACE)
    press(Keys.TAB)
    field = opened.find_element("css selector", ".current .question input")
    shown = opened.execute_script("return at(tensors.get('C').shown, [2, 2])")
    field.send_keys(str(int(shown) + 1), Keys.ENTER)
    assert said()[1] == "wrong: the number is smaller"


def test_the_parts_have_anchors(opened: Any) -> None:
    for part, first in {"collapse": "p", "counts": "C", "adamw": "g"}.items():
        opened.execute_script(
            "location.hash = arguments[0]; window.dispatchEvent(new Event('hashchange'))", part
        )
        assert (
            opened.execute_script("return document.querySelector('.current').dataset.key") == first
        )
        assert (
            opened.find_element("css selector", "nav a[aria-current]")
            .get_attribute("href")
            .endswith(f"#{part}")
        )


def test_the_first_tab_stop_skips_to_the_numbers(opened: Any) -> None:
    from selenium.webdriver.common.keys import Keys

    go(opened, "ds")
    opened.execute_script("document.activeElement.blur(); window.scrollTo(0, 0)")
    opened.find_element("css selector", "body").send_keys(Keys.TAB)
    skip = opened.switch_to.active_element
    assert skip.text == "Skip to the numbers"
    assert skip.rect["x"] >= 0
    skip.send_keys(Keys.ENTER)
    assert opened.switch_to.active_element.tag_name == "main"
    assert opened.execute_script("return document.querySelector('.current').dataset.key") == "ds"


@pytest.mark.parametrize(
    "text", one_in(3, ["it's $HOME", "hello", "-ab", "a\n\tb", "床前床", "a'\n"])
)
def test_the_page_says_which_command_made_it(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bash = shutil.which("bash")
    if not bash or os.name != "posix":
        pytest.skip("no bash here")
    printed = subprocess.run(
        [bash, "-c", f"bigram() {{ printf '%s\\0' \"$@\"; }}; {command(text)}"],
        capture_output=True,
        check=True,
        timeout=HANG,
    ).stdout.decode("utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(printed.split("\0")[:-1]) == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page(explain(text))


def test_the_footer_names_the_documents(opened: Any) -> None:
    footer = opened.find_element("css selector", "footer").text
    assert "Made by bigram explain hello --html page.html." in footer
    named = re.findall(r"docs/[\w.]+\b", footer)
    assert named == ["docs/derivation.md", "docs/tutorial.ipynb"]
    assert all((ROOT / name).is_file() for name in named)


BARS = """
return [...document.querySelectorAll('.current .result td.push')].map((cell) => {
  const [bar, box] = [getComputedStyle(cell, '::after'), getComputedStyle(cell)];
  const room = cell.clientWidth - parseFloat(box.paddingLeft) - parseFloat(box.paddingRight);
  return [parseFloat(bar.width), parseFloat(bar.marginLeft), room];
})
"""


@pytest.mark.parametrize("key", ["dlogits", "dlogits_fused"])
def test_bars_push_the_target_up_and_the_others_down(opened: Any, record: dict, key: str) -> None:
    go(opened, key)
    value = flat(next(step for step in record["steps"] if step["key"] == key)["value"])
    bars = opened.execute_script(BARS)
    assert len(bars) == len(value)
    longest = max(width for width, _, _ in bars)
    largest = max(map(abs, value))
    for (width, margin, room), gradient in zip(bars, value, strict=True):
        assert width / longest == pytest.approx(abs(gradient) / largest, abs=0.02)
        assert margin == pytest.approx(room / 2 if gradient < 0 else room / 2 - width, abs=1)
        assert margin >= 0
        assert margin + width <= room
    go(opened, "dz")
    assert opened.execute_script(BARS) == []


def test_chinese_and_hebrew_are_shown_as_themselves_and_set_apart(
    browser: Any, tmp_path: Path
) -> None:
    screen(browser, 1400)
    for text in ("床前床a", "שלום", "سلام1"):
        browser.get(write_page(explain(text), tmp_path / "page.html").as_uri())
        assert browser.execute_script("return document.querySelector('h1').textContent") == text
        apart = browser.execute_script(
            "return [...document.querySelectorAll('.current .result th[scope=col] bdi')]"
            ".map((node) => node.textContent)"
        )
        assert apart == sorted(set(text))
        # The id stands left of its character, whichever way that is read.
        assert browser.execute_script(
            "return [...document.querySelectorAll('.current .result th[scope=col]')].every((th) "
            "=> {  const range = document.createRange(); range.selectNodeContents(th.firstChild); "
            " const left = range.getBoundingClientRect().left;  return left < "
            "th.querySelector('bdi').getBoundingClientRect().left; })"
        )


def test_a_nasty_text_is_shown_and_does_nothing(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "nasty.html"
    path.write_text(page(nasty_record()), encoding="utf-8")
    screen(browser, 1400)
    browser.get(path.as_uri())
    assert browser.get_log("browser") == []
    assert browser.title.startswith(NASTY[:20])
    heading = browser.execute_script("return document.querySelector('h1').textContent")
    assert heading == NASTY * 6
    assert browser.execute_script("return document.querySelectorAll('script').length") == 2


def test_the_longest_text_fits_too(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "long.html"
    text = "".join(chr(0xF0000 + int(digit)) for digit in "012345678998765432100")
    write_page(explain(text), path)  # the longest, and every character an escape of ten
    browser.get("about:blank")
    browser.get(path.as_uri())
    for width in (360, 1400):
        screen(browser, width)
        for key in ("s", "dz", "dW_counts", "training"):
            go(browser, key)
            wrong = [name for name, holds in browser.execute_script(LAYOUT).items() if holds]
            assert wrong in ([], ["figures"]), (width, key)  # each matrix is scrolled by itself
