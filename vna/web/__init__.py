"""What all HTTP of the node shares: the server, who may ask, problem answers, negotiation, streaming. No archive."""

from vna.web.app import WebApp, create_web_app
from vna.web.guard import complain_of_open_http
from vna.web.server import HttpServer, listen_for_http

__all__ = ["HttpServer", "WebApp", "complain_of_open_http", "create_web_app", "listen_for_http"]
