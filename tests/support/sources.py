"""Read Python sources as syntax trees, for tests of the sources themselves."""

import ast
import gc


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a module.

    Python 3.11 raises SystemError when the garbage collector runs code while a tree is built (python/cpython#106905),
    as it does for a workflow that an earlier test left behind. So nothing is collected meanwhile.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(text)
    finally:
        if collecting:
            gc.enable()
