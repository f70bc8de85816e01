enum ACLEntryPlaceholder {}
