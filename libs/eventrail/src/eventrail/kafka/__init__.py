"""The door to Kafka: topics are made and verified, records leave through the batch API."""
