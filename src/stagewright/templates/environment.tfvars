environment   = "@{environment}"
prefix        = "@{prefix}"
region        = "@{region}"
bucket        = "@{bucket}"
create_bucket = @{create_bucket}

# An apply pushes to dev. The other environments receive promoted releases.
push = @{push}
