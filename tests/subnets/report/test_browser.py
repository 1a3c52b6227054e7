"""The page in a real browser: headless Chromium, no network."""

import os
import shutil
from pathlib import Path

import pytest
from composed import composed
from finished import written
from looked import small_look
from study import small_study

from subnets.settings import settings_of
from subnets.steps import report

CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))

pytestmark = pytest.mark.skipif(
    CHROMIUM is None or DRIVER is None, reason="needs Debian's packages chromium and chromium-driver"
)

LANGS = ("de", "en", "fr", "sw", "zh")
FIGURES = {"trajectories", "overlap", "layers", "tree", "graph", "ladder"}
OF_TRANSFERS = ("transfers", "sources", "cross_tasks", "multilingual", "other_masks", "beside")
WAIT = 20  # seconds until a figure is given up


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    control = {"sparsity": 0.3, "score": 60.0, "test_score": None, "mask": "controls/random/mask.safetensors"}
    for lang in LANGS:
        for seed in (0, 1):
            written(root, lang, seed, scores=(90 + seed, 90, 70), controls={"random": control})
    plain = composed("step=report", "task=pos", f"runs_dir={root}")
    report.run(settings_of(plain | {"every_task": True}))
    return root / "report" / "report.html"


@pytest.fixture(scope="module")
def browser():
    os.environ |= {"SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(flag)
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


@pytest.fixture
def opened(browser, page):
    """The page, opened anew at a desk's width and in the light theme."""
    shown_at(browser, width=1200, height=900)
    themed(browser, "light")
    browser.get_log("browser")
    browser.get(page.as_uri())
    drawn(browser, "trajectories")
    return browser


def shown_at(browser, *, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def themed(browser, theme):
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
    )


def drawn(browser, name):
    """A figure, scrolled to and drawn."""
    from selenium.webdriver.support.ui import WebDriverWait

    figure = browser.find_element("id", name)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", figure)
    WebDriverWait(browser, WAIT).until(lambda _: figure.get_attribute("data-drawn"))
    return figure


def choose(browser, figure, control, text):
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("css selector", f"#{figure}-controls select[name={control}]")).select_by_visible_text(
        text
    )


def traces(browser, name):
    return browser.execute_script(
        "return document.getElementById(arguments[0]).data.map(t => ({name: t.name, z: t.z, y: t.y, type: t.type}))",
        name,
    )


def test_all_figures_are_drawn_when_they_come_into_view_and_nothing_complains(opened):
    names = {each.get_attribute("id") for each in opened.find_elements("css selector", "[data-figure]")}
    assert names == FIGURES
    assert not opened.find_element("id", "ladder").get_attribute("data-drawn")
    for name in FIGURES:
        drawn(opened, name)
        assert traces(opened, name)
    assert opened.get_log("browser") == []


def test_nothing_is_fetched(opened):
    for name in FIGURES:
        drawn(opened, name)
    fetched = opened.execute_script("return performance.getEntriesByType('resource').map(each => each.name)")
    assert [name for name in fetched if not name.startswith(("data:", "blob:"))] == []


def test_switches_change_the_figure_and_its_caption(opened):
    drawn(opened, "overlap")
    before, said = traces(opened, "overlap")[0]["z"], opened.find_element("id", "overlap-caption").text
    choose(opened, "overlap", "sparsity", "30.0 %")
    sparser = traces(opened, "overlap")[0]["z"]
    assert sparser != before
    assert opened.find_element("id", "overlap-caption").text != said
    choose(opened, "overlap", "measure", "dice")
    assert traces(opened, "overlap")[0]["z"] != sparser
    choose(opened, "overlap", "measure", "jaccard")
    choose(opened, "overlap", "part", "layer 1")
    assert traces(opened, "overlap")[0]["z"] != sparser


def test_a_choice_that_is_no_longer_there_is_replaced_by_one_that_is(opened):
    drawn(opened, "overlap")
    choose(opened, "overlap", "part", "layer 0")
    choose(opened, "overlap", "measure", "kappa")  # of whole masks alone
    shown = opened.execute_script("return document.querySelector('#overlap-controls select[name=part]').value")
    assert shown == "whole"


def test_all_languages_can_be_shown_at_once(opened):
    choose(opened, "trajectories", "language", "all languages")
    assert [trace["name"] for trace in traces(opened, "trajectories")] == list(LANGS)
    assert "Worst language" in opened.find_element("id", "trajectories-caption").text


@pytest.fixture(scope="module")
def study_page(tmp_path_factory):
    root = small_study(tmp_path_factory.mktemp("study"))
    plain = composed("step=report", "task=pos", f"runs_dir={root}", "compare.topology=false")
    report.run(settings_of(plain | {"every_task": True}))
    return root / "report" / "report.html"


@pytest.fixture
def study(browser, study_page):
    """The page of a study with transfers, opened anew."""
    shown_at(browser, width=1200, height=900)
    themed(browser, "light")
    browser.get_log("browser")
    browser.get(study_page.as_uri())
    return browser


def test_the_figures_of_transfers_are_drawn_on_a_desk_and_on_a_phone_and_nothing_complains(study):
    for width in (1200, 390):
        shown_at(study, width=width, height=900)
        for name in OF_TRANSFERS:
            label = drawn(study, name).get_attribute("aria-label")
            assert traces(study, name)
            assert label == study.find_element("id", f"{name}-caption").text
        assert study.execute_script("return document.documentElement.scrollWidth") <= width
    assert study.get_log("browser") == []


def test_hovering_a_transfer_shows_all_its_numbers(study):
    drawn(study, "transfers")
    study.execute_script("Plotly.Fx.hover(document.getElementById('transfers'), {xval: 0, yval: 1}, 'xy')")
    text = study.find_element("css selector", "#transfers .hoverlayer").text
    for word in ("en (ner) → de (ner)", "better than own", "dense", "random", "not within one sd of own"):
        assert word in text


def test_sparsity_and_mode_of_transfers_can_be_switched(study):
    drawn(study, "transfers")
    sparse = traces(study, "transfers")[0]["z"]
    choose(study, "transfers", "sparsity", "50.0 %")
    assert traces(study, "transfers")[0]["z"] != sparse
    choose(study, "transfers", "mode", "not trained")
    assert traces(study, "transfers")[0]["z"] == [[-50]]


def test_cells_can_be_unfolded(study):
    details = study.find_element("css selector", "section[aria-labelledby=beside-title] details")
    assert not details.find_element("tag name", "table").is_displayed()
    details.find_element("tag name", "summary").click()
    assert "Figure 9" in details.find_element("tag name", "table").text


@pytest.fixture(scope="module")
def look_page(tmp_path_factory):
    root = small_look(tmp_path_factory.mktemp("look"))
    plain = composed("step=report", "task=pos", f"runs_dir={root}")
    report.run(settings_of(plain | {"every_task": True}))
    return root / "report" / "report.html"


@pytest.fixture
def look(browser, look_page):
    """The page of retrievals and similarities without any run, opened anew."""
    shown_at(browser, width=1200, height=900)
    themed(browser, "light")
    browser.get_log("browser")
    browser.get(look_page.as_uri())
    return browser


def test_the_figures_of_parallel_sentences_are_drawn_on_a_desk_and_on_a_phone_and_nothing_complains(look):
    for width, theme in ((1200, "light"), (390, "dark")):
        shown_at(look, width=width, height=900)
        themed(look, theme)
        for name in ("retrieval", "similarity"):
            label = drawn(look, name).get_attribute("aria-label")
            assert {"dense", "masked", "one-shot", "random"} <= {each["name"] for each in traces(look, name)}
            assert label == look.find_element("id", f"{name}-caption").text
        assert look.execute_script("return document.documentElement.scrollWidth") <= width
    assert look.get_log("browser") == []


def test_every_switch_of_retrieval_changes_the_masked_line(look):
    def masked():
        (found,) = [each["y"] for each in traces(look, "retrieval") if each["name"] == "masked"]
        return found

    drawn(look, "retrieval")
    assert masked() == [71, 72, 73]
    choose(look, "retrieval", "mask", "en")
    assert masked() == [81, 82, 83]
    choose(look, "retrieval", "top", "1")
    assert masked() == [76, 77, 78]
    choose(look, "retrieval", "pair", "fr – en")
    choose(look, "retrieval", "sparsity", "80.0 %")
    assert masked() == [45, 46, 47]
    choose(look, "retrieval", "mask", "xnli of de")  # which there is at 50 % alone
    assert masked() == [66, 67, 68]


def test_hovering_a_layer_shows_what_it_stands_beside(look):
    drawn(look, "retrieval")
    at = [each["name"] for each in traces(look, "retrieval")].index("masked")
    hover = "Plotly.Fx.hover(document.getElementById(arguments[0]), [{curveNumber: arguments[1], pointNumber: 1}])"
    look.execute_script(hover, "retrieval", at)
    text = look.find_element("css selector", "#retrieval .hoverlayer").text
    for word in ("masked, layer 1", "chance 12.50", "de → en", "more than dense by -19.00"):
        assert word in text


def test_similarity_is_shown_beside_or_above_what_random_pairs_give(look):
    drawn(look, "similarity")
    beside = [each["name"] for each in traces(look, "similarity")]
    assert beside.count("paired at random") == 4
    choose(look, "similarity", "measure", "linear CKA, debiased")
    choose(look, "similarity", "show", "above chance (1 = equal)")
    above = traces(look, "similarity")
    assert "paired at random" not in {each["name"] for each in above}
    (masked,) = [each["y"] for each in above if each["name"] == "masked"]
    assert masked == [None, pytest.approx((0.68 - 0.4) / 0.6, abs=1e-4), pytest.approx((0.67 - 0.4) / 0.6, abs=1e-4)]


def test_hovering_a_cell_shows_value_chance_floor_and_ceiling(opened):
    drawn(opened, "overlap")
    opened.execute_script("Plotly.Fx.hover(document.getElementById('overlap'), {xval: 1, yval: 3}, 'xy')")
    text = opened.find_element("css selector", "#overlap .hoverlayer").text
    for word in ("jaccard", "chance", "corrected", "floor", "ceiling", "pair(s) of runs"):
        assert word in text


def test_the_switches_can_be_worked_with_the_keyboard(opened):
    from selenium.webdriver.common.keys import Keys

    select = opened.find_element("css selector", "#trajectories-controls select[name=language]")
    before = traces(opened, "trajectories")
    select.send_keys(Keys.END)
    assert traces(opened, "trajectories") != before


def test_the_page_fits_a_phone(opened):
    shown_at(opened, width=390, height=844)
    for name in FIGURES:
        drawn(opened, name)
    assert opened.execute_script("return document.documentElement.scrollWidth") <= 390


def test_dark_and_light_follow_the_system_and_the_button(opened):
    def ground():
        return opened.execute_script("return getComputedStyle(document.body).backgroundColor")

    light = ground()
    themed(opened, "dark")
    opened.refresh()
    drawn(opened, "trajectories")
    assert ground() != light
    opened.find_element("id", "theme").click()
    assert ground() == light


def test_the_figures_have_names_for_those_who_do_not_see_them(opened):
    for name in FIGURES:
        label = drawn(opened, name).get_attribute("aria-label")
        assert label == opened.find_element("id", f"{name}-caption").text


def test_the_page_is_one_file(page):
    assert Path(page).stat().st_size < 4_000_000
