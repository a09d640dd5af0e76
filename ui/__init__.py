"""The pages of the web app: a folder for each, and `shell` for what they share."""
