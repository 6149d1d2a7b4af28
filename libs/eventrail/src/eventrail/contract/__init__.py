"""What travels between the services: messages, topics, and how bytes become one and the other."""
