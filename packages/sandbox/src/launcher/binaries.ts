/** Written by `launcher/build.sh` from `launcher/launch.c`, which says what the program does. */

/** SHA-256 of the `launch.c` that these were built from. A test compares it. */
export const builtFrom = '6014ea692b775b6ee4d6fc62233f8ab4a2fd399b78c91cf3ce05c145a65294bd'

/** gzip and base64 of an ELF file, by `process.arch`. */
export const binaries: Readonly<Record<string, string>> = {
  x64:
    'H4sIAAAAAAACA61V3W8UVRS/u53ddMvCbrWUEpGMsgYJcbfTSNIUKh3Y6lkcDEpBE8C43R3ohnY3mb0TlmBkmy1JbzcTX3w00Tf9' +
    'A4yhmMBAYQs+oPTBgDyACHZwCohEKV87npmdJW1j1AfPwz33nHs+fufcc3MP90qvez0eUicveY3YkkF6HLnH1Xf6n5qgrpM04Oon' +
    'PsfWR+ZSzzx+wz2scxKuMdvPCVmP29oznz+lxnl+b9+gaT/57+S6EeEWsGkoXf/NeMdLCLCqMFXc0EqoD6xT5h+9wlSvoB+1QZ3A' +
    'YxLyTSTY94IOmhQ5MdbilzTwjEzRwKbRloDEzpozlTin88I5Sdsd+eJ4E3pITBemEuxbsE7C/T9Lp9rF0ZZFEjuVYDqUHgYOXAGN' +
    'RnRgZ7doLUvAOotp42Nx7sv46CYLjujqDHh+elPra/IiDkQjVuIBvckB5GB54CJc7yigNDur9oHWXWqwMy/e2ELIuI1b0havarHL' +
    '644gk8rx87Nbj+j0GRh+YFmEUB7hbWXcOfO6Xds661lCMDAw7rwbeULcCex3cYfYtwPYk+0wPGN3EMobgc2ONY6coy8UH8TUZTB8' +
    '2tGz27v2iLvFPeL7N9+zLAss3bwE7IKkvXTX7nLZg6XR1cXObeqKYsEjqq3FgrdPDRcLDaA2FQtct8pJ2gdYz8lG80Ji8kwVg0jY' +
    'KEu4LI5xK0Z0+vyGLrochh9VQwg/ANaEOMqtNK+N27LZDOwSHLmsBipcJDpuNwvKKqlwwRhoogfWnB+T/BaCboZuy/XXxdGg35y2' +
    'h4HdrnAcMT7DpNjQe3QJrlUawnWGBsw2hHPPhuP5ubie0KCkpTw3ZVQk2Bm3fIkZ9fInxHfFnU7btgN7BKUZXirHEqUn3gPL7Itz' +
    '7m66Pl3AfsA7LG8PC7fGvCWjfUPgQBj232qC0HEd5wI8Z8xp1wfQ/JhTGLtzvDaZwpSkfRhpE8eXEPv2rgPri7TZ0xXGyZSwrsl4' +
    'JIw4LfFYozOYD0M+jHa0007f7Gh+kdi1kC/BTuP1hD6uoC7BKurqugNGqaKF+xK2aNQMg3aozbj6xK6+gnM3gpC2srvGV4+xd+VD' +
    'bYn7l4wv7b3WfRCPjE9r+3W4T5Sqs3QVCq014R5txbWKCtMuS1v6Iuoh1PvQ2FdzWm8H2IV7CV8Tu4NjutbWDKJGsGxXp5E9oU8m' +
    '652F0uRHTk/toaaRoDjejRYsHgnWzrFjTmech/OY/gqp3ZEgu1i6epg+B6mLmOG7WoeB/Qgls2gQzGUuDX2Nj3bdN0+PjJuPEMLc' +
    '2wR2xckb689kY/kBElPzSmwwl0oO2pouR3Q2uJC3cnxeTQ3wezODMp9T+HRGkVM0pxwk22RlKJPPZ3JZPi1nM3Ka9BbkFL83pwwl' +
    'KS8rSk4hdEDm98tKVh7kFXmvmpfTfIaSVDKbzaEJmqtU5kkXT5oIOmRzJJ/Zl00OErmAZm9s3tzFvxyX+zPJLC90RDui7a8Ir65N' +
    'y/1ChyqscVWERPMDearQZD+JUrlASVTJpZM0SaL9+TyJpnJDQ3KWkv+FFs39A+b8N4Yr7+Hm23sW+De7ug5X7vX1uLwmf07+3r/O' +
    'l7s/SwNZ8P/4F/w7LvEL4q10Y7Uv0Nf/udX/kt8zN/ccCvr/2b9OfwEP7OieuAcAAA==',
  arm64:
    'H4sIAAAAAAACA6VWfWxTVRQ/r/et6z6oRWZgdNjXbSYjYgdkSwqJ2SsFFDVmzP7hX2z9eLOVraWvXTKZyd6QP4wzhisQEnBzMyFh' +
    'LyS6hKkocRsmKME/pBJIiJBuc1DFD8ZHpML2PPfxunSLRBNvct8993z+zrnnvve6t7y01cRxkBsm+AzYLgOivhcNvsUyr4I8NxB8' +
    'FoJZ1y2A/CEuWD8vhAUrADf/NDPCZrBtnoXr/LAssNs+nQyZ4b+PnPtVoKTSBOhZgAMZAmqacOoEMamThKhThFd5lGOEC2Ok+eIk' +
    'ygnuxXDQPQBQz2QenGBRUjOatjzIA83iOtt1cmgafTDdya+BzqL/arRpRfleHuqvB4FyvNLE7Ldx6CNc5T5mOXuYxUM5fQcKe7mD' +
    'RUecY7DUM+NwT5ACdZpY1IZqmPl2TvN5wNw7jbpHeTifCUvumjJwH9W0kZ4xjgYtQH8KOns9nNK0F/WCOHugAn2AngvDekbTDs12' +
    'fXOM5eRFeeimwz1FzOolHfsoYgf1GtaB4b6OeUzhZLaTem1AHbArqRH04RBg2EnAtxfgk7cA6BkBzmOt9mW0D1OVQjndA5CVeMhu' +
    'QdvTndK9Sg5GkEenSKHqRDnzyXw1dz51b7Zr/NgAxh8Fyw0FwBdAHuZHb+mYxnWspaY9KS245twNxPArw9cFQwwj9lSW4aoEcUPA' +
    'BPXFiCFNStUXPOUU+zFLCIz85gXqAuX9VIHS9AfOInaOkYjbkYE4v0LcrfDga8g2zKAf3xQpUqsAyppPQXwCscx2iUOT6G+ClKgG' +
    'ht5PEZcT8U3h6se4DSIXH+fA5+eR5rm4n9EWpBu5OMfoUqQFLj6I/vw2pO9AHDva93oZ4heAXkQ/A5HV7tUFQC8j/fN9baQKMd7y' +
    'wgY/J2ZbMNbHkSo8pyrVCaS3MtziDgDUOR40zDhN4MvhG40I7jRZor7HzqcOhgcwtsMCw/wK3xctSP+OdWL5pIl1PhdW24/QDjDG' +
    'Lxib6XiwNiJX1Ds4p9UVI/+Efg5f6vUuwJrefoUbuoN6d5dBdtQCMxnMhZ0n63mTcS/GSpTU04ijp1jMLsO9F3tdwFrBGGw3VcDj' +
    'zdUQ31YKvgmyTO8vlu8mnAJRUqvQDvC8rlVxlPUm9h7lOXYX8b5280Npm5IqQ538mE6TklKwn6zIv4vYHAAzpWbwDRax+phVZk8M' +
    'bMyeR71BvC9KAGiPlesN4571Fr4W9gFvp0w+TUrOKVYxy+l4kL/ZTufmtEPdThgWCsHXXQ/DIluLYLgFV4I6LcdX0rtzhn6jnd5C' +
    'ehLvcBrzZPfD+aqd/sl8oE36MSU1jpPl4bQph3O5sNr9iDrTt4FqDXCS2U+QJ9RcvoqgpC6g3GFDHJrmu9EgngyUgzyA/fvim+J+' +
    'FmsS+2EnZ6J6zF12ehn1WY/k14zFOc2wog3r54SJHDmEZ83q8BWuej6hlfS7HF2xkp7N0SfKKb5Llu989vkfcvH0WO/a6SjDjrLa' +
    'QCRamwhDbUdCrm2LBf1tjLNR3+oEPuDlmJDoCIaF1kibJMRkIRSRpWAyJr8BjZLcHkkkIrGoEJKiESkEWzqloNAak9v9SUGS5ZgM' +
    'ybAk7JTkqNQmyFJrR0IKCZEkBP3RaAxVUL0jKQmwUYBiQINoDBKR16L+NpA6US33HeB2NwHf+SRnL3XovBU4b+LLXMj7XqzB+QB5' +
    'NQavwvia2f7StFOM4bHu6rP2L4kUX71iBU9JNbJacB5H+QcP5bY+Uz+3w5BvZQsO5u9tnMJ9TVPY52yTdZ/g7dvD9/fwO4qvXGW6' +
    'srGymCdwJh9oWp1J99nYV9xf5N1vOVC46aD5Oa93o1CzWQpE/FFh3XrXetfaZ9bVrTZIAFcinEjKSX8AXEmpMwkuORbyJ/3gksLN' +
    'rbK/XQJXIJEAVzDW3i5Fk/B/R0n+Nz3v/yFj7FsW/iTgK2jhWGrYrzf2z5tFY324H1ikzy1ayw3alItv2GcM++8f8VeRG1UGj8Di' +
    '/5F/tlhsX2PEX7uIn/vvcfwLfi4/dt64ZNive4R9bvwNIajzz8gJAAA=',
}
