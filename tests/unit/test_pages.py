"""Pages: what each one promises to show, and that nothing from the data becomes markup."""
