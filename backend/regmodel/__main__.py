"""`python -m backend.regmodel`: the service on REGMODEL_LISTEN."""

import logging

import uvicorn

from backend.regmodel.app.fastapi_app import create_app
from backend.regmodel.settings import Settings


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = Settings()
    host, port = settings.host_and_port
    uvicorn.run(create_app(settings), host=host, port=port, access_log=False, timeout_keep_alive=75)


if __name__ == "__main__":
    main()
