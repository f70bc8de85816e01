enum AuthEntryPlaceholder {}
