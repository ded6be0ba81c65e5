# SPDX-License-Identifier: BSD-2-Clause
# Copyright (c) 2026 The daemonwatch authors
#
# The names in the NAME section of an mdoc page but for the page's own, as
# "page name", one a line.
BEGIN {
	sub(/.*\//, "", page)
	sub(/\.3$/, "", page)
}
$1 == ".Sh" {
	in_name = ($2 == "NAME")
}
in_name && $1 == ".Nm" && $2 ~ /^dw_[a-z0-9_]+$/ && $2 != page {
	print page, $2
}
