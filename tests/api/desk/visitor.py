"""A simulated browser of an operator: opens pages and sends the forms on them, over HTTP only."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2

FORM = "application/x-www-form-urlencoded"
_INPUT = re.compile(r'<input type="(?:hidden|radio)" name="(\w+)" value="([^"]*)"(?: checked)?>')


@dataclass
class Visitor:
    """Sends requests like a browser on the desk's own pages; `headers` are those a browser adds to a form."""

    http: httpx2.AsyncClient
    headers: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})
    cookie: str = ""

    async def see(self, path: str, status: int = 200) -> str:
        """Open a page."""
        answer = await self.http.get(path, headers={"Cookie": self.cookie}, follow_redirects=True)
        assert answer.status_code == status, answer.text
        set_cookie = answer.headers.get("set-cookie")
        self.cookie = set_cookie.partition(";")[0] if set_cookie else self.cookie
        # All visitors share the HTTP client, but not their cookies.
        self.http.cookies.clear()
        return answer.text

    async def form_of(self, path: str, action: str | None = None) -> dict[str, str]:
        """Open a page and return the fields of its form with an action; of several choices the last."""
        text = await self.see(path)
        _, opening, form = text.partition(f'<form method="post" action="{action or path}"')
        assert opening, text
        return {name: html.unescape(value) for name, value in _INPUT.findall(form.partition("</form>")[0])}

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        """Send a form."""
        all_headers = {"Content-Type": FORM, "Cookie": self.cookie} | self.headers | headers
        return await self.http.post(path, content=urlencode(fields), headers=all_headers)

    async def fill_in(self, path: str, **fields: str) -> httpx2.Response:
        """Open a page, fill in its form and send it."""
        return await self.send(path, await self.form_of(path) | fields)


def words_of(text: str) -> str:
    """Return the visible text of a page, in one line."""
    shown = re.sub(r"<(style|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(shown).replace("\N{NO-BREAK SPACE}", " ").split())
