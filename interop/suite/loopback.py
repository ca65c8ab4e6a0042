"""Runs wstest with every listener on loopback: it would listen everywhere."""

import sys
import warnings

warnings.simplefilter("ignore")  # Python 2.7 has reached its end, and says so

import autobahntestsuite.choosereactor  # before Twisted chooses one itself
from twisted.internet import reactor

listen = reactor.listenTCP
reactor.listenTCP = lambda port, factory, backlog=50, interface="127.0.0.1": listen(
    port, factory, backlog, "127.0.0.1"
)

from autobahntestsuite.wstest import run

sys.exit(run())
