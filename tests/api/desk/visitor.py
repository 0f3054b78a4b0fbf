"""An operator's browser without a browser: follows links, sends the forms it was shown."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx2

FORM = "application/x-www-form-urlencoded"
_INPUT = re.compile(r'<input type="(?:hidden|radio)" name="(\w+)" value="([^"]*)"(?: checked)?>')


@dataclass
class Visitor:
    """Asks like a browser on the desk's own pages; what it says of itself can be changed."""

    http: httpx2.AsyncClient
    says: dict[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})
    cookie: str = ""

    async def see(self, path: str, status: int = 200) -> str:
        """Open a page."""
        answer = await self.http.get(path, headers={"Cookie": self.cookie}, follow_redirects=True)
        assert answer.status_code == status, answer.text
        given = answer.headers.get("set-cookie")
        self.cookie = given.partition(";")[0] if given else self.cookie
        # The client is everybody's; this visitor's cookie is not.
        self.http.cookies.clear()
        return answer.text

    async def form_of(self, path: str, action: str | None = None) -> dict[str, str]:
        """Open a page and return the fields of its one form to an address, as shown; of choices the last."""
        text = await self.see(path)
        _, found, form = text.partition(f'<form method="post" action="{action or path}"')
        assert found, text
        return {name: html.unescape(value) for name, value in _INPUT.findall(form.partition("</form>")[0])}

    async def send(self, path: str, fields: dict[str, str], **says: str) -> httpx2.Response:
        """Send a form."""
        headers = {"Content-Type": FORM, "Cookie": self.cookie} | self.says | says
        return await self.http.post(path, content=urlencode(fields), headers=headers)

    async def fill_in(self, path: str, **fields: str) -> httpx2.Response:
        """Open a page, fill in its form and send it."""
        return await self.send(path, await self.form_of(path) | fields)


def words_of(text: str) -> str:
    """Return what can be read on a page, in one line."""
    shown = re.sub(r"<(style|title)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    return " ".join(html.unescape(shown).replace("\N{NO-BREAK SPACE}", " ").split())
