"""`./dev images`: builds the images of docker-compose.yml, runs the stack on them, and says what that took."""
