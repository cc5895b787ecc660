environment   = "@{environment}"
prefix        = "@{prefix}"
region        = "@{region}"
bucket        = "@{bucket}"
create_bucket = @{create_bucket}

# dev takes what is pushed; the others take what was promoted from there.
push = @{push}
