"""Helpers of the tests: small cells and suites, results folders made by hand, oracles, planted plugins."""
