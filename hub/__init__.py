"""The site's hub: takes in what the gates saw, keeps it, and gives the gates the list they decide by."""
