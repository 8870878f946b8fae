"""Bodies of any shape at the size limit, against functions under their containers' limits."""
