"""What all triggers of one process share."""

import os

import settings
from adapters.app import App

gatewatch = App(settings.read(os.environ))
