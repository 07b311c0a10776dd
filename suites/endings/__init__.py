"""What policies mean for pods that terminate, and for addresses that completed pods had."""
