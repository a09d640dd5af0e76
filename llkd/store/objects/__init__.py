"""Object storage (S3 and what speaks like it): files under addresses such as s3://bucket/prefix."""
