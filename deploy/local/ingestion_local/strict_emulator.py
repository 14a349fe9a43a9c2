"""MiniStack with both strict layers, delivery and identity. `Emulator` runs this program."""

from __future__ import annotations

import logging
import sys

from ingestion_local.strict.identity import CONTRACT, make_identity_strict
from ingestion_local.strict.lifetime import end_group_with_this_process
from ingestion_local.strict_delivery import check_contract, make_strict


def main() -> None:
    """Run the emulator in the foreground. Raises SystemExit if MiniStack is not the pinned version."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    end_group_with_this_process()
    make_strict()
    check_contract(CONTRACT)
    make_identity_strict()
    from ministack import app

    sys.argv = [sys.argv[0]]
    app.main()


if __name__ == "__main__":
    main()
