"""``python -m tools.readme.picture RUN``: the first screen of a run's ``report.html`` as ``docs/report.png``."""

import argparse
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from repro.config.paths import PROJECT

PICTURE = PROJECT / "docs" / "report.png"


def main() -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.readme.picture", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="finished run")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="FILE", help="browser (default: Debian's)")
    arguments = parser.parse_args()
    page_file = arguments.run.resolve() / "report.html"
    if not page_file.is_file():
        print(f"{page_file} is missing: finish the run first", file=sys.stderr)
        return 2
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 2000}, color_scheme="light")
        page.goto(page_file.as_uri())
        figure = page.locator("figure").first.bounding_box()
        height = figure["y"] + figure["height"] if figure else 900
        page.screenshot(path=PICTURE, clip={"x": 0, "y": 0, "width": 1280, "height": height + 16})
        browser.close()
    print(PICTURE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
