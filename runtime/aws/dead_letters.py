"""The collector of dead letters on Lambda, behind its queue."""

from runtime.aws.collecting import dead_letter_collector

handler = dead_letter_collector("dead-letters")
