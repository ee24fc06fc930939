"""`python -m backend.regmodel`: the service on REGMODEL_LISTEN."""

import logging
import sys

import uvicorn
from pydantic import ValidationError
from pydantic_settings import SettingsError

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.settings import Settings


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        sys.exit(f"model service: {error}")
    host, port = settings.host_and_port
    uvicorn.run(create_app(settings), host=host, port=port, access_log=False, timeout_keep_alive=75)


if __name__ == "__main__":
    main()
