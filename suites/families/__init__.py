"""Both addresses of a pod are guarded alike."""
