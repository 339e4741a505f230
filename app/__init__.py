"""Fanfare: campaign delivery that loses nobody and mails nobody twice."""
