"""/docs in a real browser: a person pastes a token and calls a method from the page. Nothing comes from another host."""

import shutil

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as until
from selenium.webdriver.support.ui import WebDriverWait

WAIT_SECONDS_MAX = 120
TODAY = "#operations-WeatherService-WeatherService_GetTodayWeather"
FLAGS = (
    "--headless",
    "--no-sandbox",  # CI runs as root in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,1600",
)


def first_of(*names):
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail(f"none of {', '.join(names)} is installed: run ./dev test, which installs them")
    return found


class DocsPage:
    """The page as a person uses it."""

    def __init__(self, driver, url):
        self.driver = driver
        self.url = url
        driver.get(url + "/docs")
        self.wait = WebDriverWait(driver, WAIT_SECONDS_MAX)
        self.find(TODAY)

    def find(self, selector):
        return self.wait.until(until.presence_of_element_located((By.CSS_SELECTOR, selector)))

    def click(self, selector):
        element = self.wait.until(until.element_to_be_clickable((By.CSS_SELECTOR, selector)))
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def authorize(self, token):
        self.click(".scheme-container .btn.authorize")
        self.find("input[aria-label='auth-bearer-value']").send_keys(token)
        self.click(".auth-container .btn.modal-btn.auth.authorize")
        self.click(".auth-btn-wrapper .btn-done")

    def execute_today(self):
        """Try it out on GET /v1/weather:today; returns the status that the page shows."""
        if not self.driver.find_elements(By.CSS_SELECTOR, f"{TODAY} .execute"):
            self.click(f"{TODAY} .opblock-summary-control")
        self.click(f"{TODAY} .execute")
        status = f"{TODAY} .live-responses-table tr.response .response-col_status"
        self.wait.until(lambda driver: self.find(status).text.strip()[:3].isdigit())
        return self.find(status).text.strip()[:3]

    def text(self, selector):
        return self.find(selector).get_attribute("textContent")

    def console_errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]

    def hosts(self):
        """Origins of everything that the page has loaded."""
        return set(
            self.driver.execute_script(
                "return performance.getEntriesByType('resource').map(e => new URL(e.name))"
                ".filter(u => u.protocol != 'data:').map(u => u.origin)"
            )
        )


@pytest.fixture
def docs(gateway, tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = first_of("chromium", "chromium-browser", "google-chrome")
    for flag in FLAGS:
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path / 'profile'}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(first_of("chromedriver")))
    try:
        yield DocsPage(driver, gateway.url)
    finally:
        driver.quit()


def test_a_pasted_token_is_sent_by_try_it_out(docs, token):
    docs.authorize(token)
    assert docs.execute_today() == "200"
    assert f"Authorization: Bearer {token}" in docs.text(f"{TODAY} .curl-command")
    assert "/v1/weather:today" in docs.text(f"{TODAY} .request-url")
    assert '"source"' in docs.text(f"{TODAY} .live-responses-table tr.response .response-col_description")


def test_the_token_survives_a_reload(docs, token):
    docs.authorize(token)
    docs.driver.refresh()
    docs.find(TODAY)
    assert docs.execute_today() == "200"


def test_without_a_token_the_page_shows_401(docs):
    assert docs.execute_today() == "401"


def test_the_page_loads_nothing_from_elsewhere_and_breaks_no_policy(docs):
    docs.click(f"{TODAY} .opblock-summary-control")
    docs.find(f"{TODAY} .execute")
    assert docs.hosts() == {docs.url}
    assert docs.console_errors() == []


def test_the_page_tells_which_scopes_a_method_needs(docs):
    docs.click(f"{TODAY} .opblock-summary-control")
    docs.find(f"{TODAY} .execute")
    assert "stratus/weather.read" in docs.text(f"{TODAY} .opblock-description")
