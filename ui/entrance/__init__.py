"""The way into the web app: what stands before every page, file and socket of the server."""
