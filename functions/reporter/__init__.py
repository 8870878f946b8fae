"""The reporter: answers with statistics."""
