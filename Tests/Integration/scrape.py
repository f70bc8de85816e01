"""Metrics as a scraper sees them."""

import http.client
import re
import urllib.parse

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: # .*)?$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def get(url, accept="*/*", method="GET", query="", **headers):
    """Status, headers and body of one request."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=15)
    try:
        connection.request(method, parts.path + ("?" + query if query else ""), headers={"Accept": accept, **headers})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


class Metrics:
    """The samples of one scrape."""

    def __init__(self, text):
        self.text = text
        self.samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                self.samples[name, frozenset(LABEL.findall(labels or ""))] = float(value)

    @classmethod
    def of(cls, url):
        status, _, body = get(url)
        assert status == 200, body
        return cls(body)

    def __call__(self, name, **labels):
        """The sum of the series that have these labels."""
        wanted = set(labels.items())
        found = [value for (known, have), value in self.samples.items() if known == name and wanted <= have]
        assert found, f"no {name} with {labels} in:\n{self.text}"
        return sum(found)

    def names(self):
        return {name for name, _ in self.samples}
