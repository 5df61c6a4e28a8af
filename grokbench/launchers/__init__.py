"""Where cells run: this process, or one worker per device."""
