/** Written by `launcher/build.sh` from `launcher/launch.c`, which says what the program does. */

/** SHA-256 of the sources that these were built from, one after the other. A test compares it. */
export const builtFrom = 'b4b5a2926aeeaa187a5c1629d127412671b780b3c26e6d475362e637e5994eb1'

export const sources = ['system.h', 'git-config.h', 'launch.c']

/** gzip and base64 of an ELF file, by `process.arch`. */
export const binaries: Readonly<Record<string, string>> = {
  x64:
    'H4sIAAAAAAACA6UXa2xT1/k4sRPnUW54BwadGbeCrCPGjHQkJJ2txuNYvbCM8BKPrcFxICLEyL4uRmJg6kTLiXW3/kDqfvBjUtep' +
    'PzpN6lhloE1NDHFgE6V0Y2nQCgLa3PSGAOEVwuPu+869CUnWapN2Jfuc873f596DXuknWRYLGX2yyMsETypx87PbhNcIYyQAW0Gy' +
    '4T+H2DitjYx/3BPXUb7RtchYkC9nPPy77omr+dgdhRP4fvalXJ9D/vfHZCOuG5T10fj1W+oqMNeVap+R216Y03JBzqV6asVZ+aYL' +
    '/oXDqTRlDyVFEvtcuieZD4yU3XJdoHrG9+BWvHOpp21GOWVDlHXR+Eje3quUDVN2lurdVO90t8tW1d0W0mlrKjJAFWt5GvWgEnvb' +
    'DNSj3aaW4XTtCXSetl6QF3hdF7yulNd1hrIewUbjw4/lPuA+YKeWLlrSqfVuSddS9hloTKInh67qEC6m05LzlMniFaSKj1gkZR3s' +
    'WbWo0jmGMFm8JSnuLKrI4vnkSxb0Yp04fJzrZVvF8zRTLfagRMEGzpV3/rIgVjmdyHnghXbLldJsSSTdkvaxh+Chjw23F4EXheBC' +
    'bMQpCdUpbVBiGfUvT3W9NSXPXF3eHcn1dJFSn56ChXDutGcDZbepUravgBDPcdTmWe9Z52N/Xw8+PaKHBmIA8rGvJOU9MQYMEnug' +
    '/hUkUnaOgvAwbI3gSOw+CKWZzBFd15MFFiT9GsIFgXodfXeDkoUF6Nppif1T/RWXMYgynLhVyv7IkRl1Nxwl9hVuZxqYu/kGppZj' +
    'LlJ2WcLYdqobuZCvJTaoShx3Fag/WWknahViDp1C47ds82z1bPP8HIrmqetCrHIWkW0YwnsfZ4E//dORMj7g9rERyj71sWsSu6z2' +
    'P+GK55om9T4Zc/gNA1NnmpR6gmq/AI+kkh406RTi46fc6VooG4igEZzkSmwirJ3hyEaqVImcff4PAHwMrZCU54pWIqhqKixSovrc' +
    '8GrI2TR66KGuEyIvpPrJ1cx6RrvuSoH2gQpCeFVCFVnPmcK38FwOYfrWU/akFnKH6aSJH0N1tNtbzsgLYg+dkdkQFg5ng6OR6a+B' +
    'lGHlfw4RkJQXfp2HbBZInbwotqImMi8WtXgis2LRrHWRolg0m0byY1FrVcQqKa+BTyft2qe+zGmIoy5BLeuuS55267yWlDy/skKe' +
    'Qw89egr9gGWb9rRZn9euHsOzNpWyz2nrpUhel1UsPcaLPhEhXdZCJ1U8Flpyrl3K0cHoqbRKN/lTnrbCHK0PZwQb7LJaifoWT97w' +
    'HXkK/D+VBfgfkPO0YjDnDppjuRZbSeRCSfFb+gMA8LHTpvsSU8cKwwzZP2qxDmIVzsiisZZP4tQ1i/o4IYsxbJBHlu5/i7fpNfbQ' +
    'g5PmMmRFtsNE/tMjXTcqZdMjLJqMJz5yJDIF0FsR/SYAtdlwmo6nN+Dk8w8h9fdh6/kQtXWZuUX1XKXEYG58YRrBlUNmonM5+DK3' +
    'BystnczmFl3EMjvlhlll+Jf2bPRCRjZwJ82e7s7CaDslmDJFNP7E8rpIExuL2rPi6tLKvL2z6S5JLMqnQkcK+oRaunFqFWlXvK4b' +
    'SaNYbTdyQUC5Cvm3hJfQxP60XWJd6qsjOGki88C9biBQV/IznzPVglcFg7WzvvKB0Fx0bzTAfYDlnWiYntgvFj1DUoB3IJJPRcGG' +
    'PaVUi25f/JzuguhaRZyeK2hihpicwqcTDBrPcTuKg+m5QucR88Q/0b2tN+QosCc/4JPpAYwr1wXekb2RHCTQNlOlRUwB9hheR1T5' +
    'kB8aMgDEKw4gZctzx+XmzjuUtYjdnPYwp0lWAUMHKv/YMBfz9LaHZcb7uwLRU8f8hdAWA5nwmx4ExdN2KNE1ingNr6cSwxPuGU0s' +
    'F2Gg8kgBmyJrEPI+Ne+xUdRK1bYc9EtTZ2FNJSpF+uCSmo8lqFStBZT6dITvc2Hviz8ZhpGiVKk2frgjz4L/pwD4yIbe2O7iIniH' +
    '1TMGUxjO6ke4x/RQ1guxwBcDNQ0wl47MPI9u4fCYrzSeOcAH1EVen8BY/CwI71vG+b/Y26oLbb+w4nWbEto2wMbnzyDGkQBsNdsv' +
    '1lBlv0jHhZEXBVDQpACiINUSRhzWdc8i39kQ3y+uIUIrTArSAKI2vGsRWgaz8c2CKlvFPVhBlWmYK1AF+ZHbaKPjmY1YBR1kQU0K' +
    '/OUChbbdOCdB0J7qxO/5bei6j9f4azRxVPwtT2m1uInXOz15xYGnnZ7447WRfCnxnvgmgLUCH7uH1O/yslmy8AVCQGsULjE1+QC7' +
    'RWgpyUZU2R8wHuym+vywAZ6WjZ1XdnuGwQF3nsSG1LjJdDeLM0Wtxg3db4L/lTVKPYSGyMWgGu1Q86AyYP87gpf7aW1aB84W9Q6k' +
    'k+8ANmrWZTPtZmR87NRYcLIW2N1jwWn9Eeha3XpDaHuVb64LbfchEidwpMEYywe7bsJQAiM/yzZKuCydbYTMDt2dD7seqGgsCehq' +
    'CLKdFljFfUspJNFOBKZgycQrRSK0/Rm3UOJjuYK2xuHXfwAV2ni3AJNZh8pR3siczHiDw345yjsWr7jpKMpAQM9FvK77mjhBupQw' +
    'JKD1+EoDYoDQThNG17suQSI3/9BOpPIh+SVwxWqop8ryF0F9Se+YIMHmg1dSeCGaQi1puBcJkO61an+TS06g+UaX2Me/bpozkdvX' +
    '/zaZ5HZyNR959yG7o1S9cB+o7nv4UjZKlMsH3k2I9+Ys3A2ZUxaI4TWLa1bv3zOSPEH5RMkQHxN6k0lik7ZqIr2ZAm6wNnMyGJi0' +
    'n46fgibQIP8elE20+NvQUErR4v8U2Dd2XzgovF5umtS4lgXFKcHWfwLqvAE74X3YPCuGE1U4PoxxP3E0jdYIvuV/Sf1HOAnriV85' +
    'KM+n/h4jckrZd3g99NK4FlM77uGdLnxweRRpM5DqO4CYfNXxKxsMn/D949wTCvqd4UBTg7Oh3kn8weaGxh0O6Ann9sZmZ3gncUbC' +
    'IWdT0F/XhJAKfuQb+DO5idO/t56sCTrCEf9OR0NjU8ARDDnqG0MBvxwM7SM1gdDuxnC4MdjsqA80NwbqiTca8DsagqHddbIjEAoF' +
    'Q0TeGXDsCoSaA02OUKAhEg7UOxplsgN+S5YQf11zcxAogSsiBxykwkGAqzlommsupWDlLhJu3NFc10QCUWCFx0Gw1AmZCZ+hLxOS' +
    'cph+z4Qv2bV8tRC7heMtlRbzm5OkDhqrfnDVK69UOBZXB7Y31jU7XMtKl5UuXeJa/mJ9YLtrWcRVYoIIKQ3vDMshuW47KZUDUZmU' +
    'hoL1dXIdKd0eDpNSf3D37kCzTP7/p2D8t/G473DVPGuFE+ktk/inmrAs83zlObe5GmfHJAbHJP45/IWEkGwy6btcmPQ9/i38z5v6' +
    'l052zORfRL7Z/vFr9jfEZdF/4R99/g1Kx2mJ0BAAAA==',
  arm64:
    'H4sIAAAAAAACA6VYe3BU5RU/d+/NZvNwE0liAkFy86gFxASc4ORhy00i6GBbFbetU1vJZrMhayBrNmHkoWZ51KJx2lzBqlAgGXQm' +
    'uZaOaeURdcZFW8qYOiOLte0f6m6CEB7SPFB3xXD7O3fvYgix05nemW+/7573Od855/vuti/9wTKLIFD8sdAh4rdhUox3xYQ/cP0V' +
    'EsDKSMRvIlkN2gSa/ChXzTaTz3aFX7jya70KX3XVHH9scupVfPd92lZvpf/9STfnG8kfDImk/k6gHRasxca6siKMLUSl1RKp7SQ1' +
    '1eq6g+dQ9t5ZAXHlh/oWOs60JwtJXSb4g9+xHd3JtHeS1LFvq3WXK0DXD43klQ2JghYWE7T2Ihodvqw7wqJFGxJJy5fo+C8bnWXu' +
    'TCrr1vUDiG4HZKosm+UWQr+LaDHDGSY2FpSx/K90PfsU+KuJDjA8JFo1mw02g0fCSMBAND7IS6e+EPTlEY2+hzmfqAM8A2Pg19+h' +
    '46dgR8ECZUyizcEtZBk4lu8Pnsqg3pOJe3ciFvPDaUJvPokdLG+ohtRwBkXDiNFgNkULANsKu1iPgPUSonMdRA4i/wrINnx4G77V' +
    'IX7wU41Apwxc1LT9U4yJjW/1TkCehZTyzQItDiFGiMPzIfC8RdZzTsgLJPhXdCE+zPsWUfnExiM9LJsgc+Wb1PJyun/nCPsjSsdt' +
    'yf5g2JA3TSwQg5CoREGnEu3dyTJSZ2wO6q4FAyexP2fhH+g68zvL1ImN1HsOsWHbzsDO8zUWNSQma7tgW1iUtM2YjyWxrmRtUEzV' +
    'RMQvrgt6ymtT/c/Gdb4nkmO4RlDPQo4h/29lkGXTthmykjUvZgPeWKluMWAp2sNx2Pky9QkDZtMsZBsIiUmG7kHwhaGX3xm/SaKR' +
    'QfDly5LKsPWATWxUek3/jNxBXDSOi4ycqkVOKVhDdzbn0yXMExvf6D0Jn4dBdwaxYN9Z1kOT7HvQ9L96kn0/MWBJkJ00wH79zND9' +
    'F2OPOHanENvTkNuTO82eyNTXbSEHamzEDduPylxP1HkH8FUXy9RhfW/QuZWivRJFj6yrjzgFOuAEnQIcyxsUEzXRlLdkXVFEMuWy' +
    '7r1kOxdAvXYDvhU+co6kSrH9Pg+7PoNdvM/sJ3pRdDzFyG2tALlYZ6HFKbAjJF6nNWWVq+hl0UKRDlxAbZaQ/9kTyMkxjGToq/U8' +
    'XJY3TC1SjrKhSyLHyuiSUQHzEPaoiCiTcxTt08H7wXs2nqJE2Y5ByOa9OQS7uD4GMTuhe4kitBwBvVPCWhJanLy2YX2vYMhxpmIt' +
    'Cy3dqA1nOtYXqQUd0dGUCT9kUv8OOQHP/LLlCaT+C+t3L+kHCmHn+BYq3yQo0VroCnoK0ZMKNa7tgsZao0bzvl4yWoW9YLvYzk88' +
    'cllItGu/wX7mlVJfALrzbNQn5The92P9b6N+ld6QmHbFp3iuvQ1ers8z0M90TsSoVkju2HRZL00B/I+Ac54lGD2Xe6MFdSSiJ0ra' +
    '5D08iR6kICZngM9DHKugl2ltiYg7asyS0HVNTjEf5/KwKMznHOW6zt9WbuZzsqZdNnJ4voo5TxUWVaE+jVx+qVzddzlWkyx/quzJ' +
    'dc396zQGCZFDnPsM49pieBg5KYP/GPcx9OV4LRg6DpepT0OH8LiyvQXzp0bd9Rk5+PmDlt4vwD9+v9D71yeVyJcusTfaJPVeupmi' +
    'ukSjZ2bDTpsSzYSeGpw1MuJCAbrPMptmrCyiFk8uOXDOdtowXs6pVG1JlWoSeibX+c2Y8yjxnBWxfxu58u6G2gifRxyPpbBDmUWl' +
    'nwA/BJxk9k72pwojkOIPPmfUeKaxN5xL1dxHRH/w3DuC+mvgMlATQ+g/g/sEVRJ4H7Cv6cg53dr7JPBPCVQaEjMQmwzt2G0x2df0' +
    'gheoL3wDOSBrxjbUtmyJyZmO9nPEifsp99cFVnL8Y+TxE0ft1g6uFe6DbEOVaUMD2y7x3lu1I3ahQ4e/zIsjv5OKKtXX8X5aTB4I' +
    'PPxo5BDWBry+Un0N65X51OfPRE0vpr4unpNQB5mxfJFfrVBfidOjD/Zc5r6ciJhmxvr8I5UGnnlCaf7gkbSYD/k4r+Lx5dh+38iT' +
    'LO2u277d33YLtXBuCD3KV00yOXLlrcEXid7/cotFrSiU1Nzkw2N8Ps5Nivk9VcYXYtq8cTF9XmhI4DPug67L+qGQHlhPc3Dmph1Z' +
    '33Uj3YZzO6hvkCNct3lzaRTnsGPdE8r2sJgLn3JQn9laj3itbcrXkHW/Eg3ptt4zf1L6ZQoEQ/egl65SoksSaFF3CjnOupTooDhL' +
    'C72i9A9O6M/LM6k01l9nac6nKtWvAfPnIEeA/xXRq6fR42Nna6L2IXBd2VSaatAnapterlRHAKPsGD3TsJ6ADb3hHaV/HDH/jOvw' +
    'hNLP+ALE5wJgVYgZ9yL2g/1hXwShZ2y6e0J3kvLV3RnocdbIwTD6oXFuoqZPQM5O9HR6TNnOPXuHRdw1BzXMNZmPmc9prqlHYB/k' +
    'tMwTOmZx3jHOyJP029VB7FlPAevG+XU3RUlS9isS7Sepaj8J/hWhDGE99jKoSML+wUKLsV/jsLv2tH6wHHKM3GusUJ3xtVyhPhRf' +
    'Hy7nMzr7LPdUrxLdx2dKqn/GH2A3zxwXjskbgD+DOFqoMxgy+73R84SuMdZXAPgY923sDff3OPwCYIqFNL8UObjCEjlkRc6FxRna' +
    '5J7BcXoK+i4Q90b7NbjNwFktVKrvpX47YsnwYiEWZ8ZvMHpw2lV83UZs7QbeB/xkHN9lQ7DBj5hz/+Uz63GsP8F9lC7pjidxN5oP' +
    'uqPIqUTMT1PXGNMfocSOaiFxYDhx+rvifvTC07gv61Q1eiyiO8ahZ1OE7+52Ix9wLw3eY9hq1WJ1b9dyJ76xje+F7FOt5A8uNXsD' +
    '+8X9oQ50NyF2fZC534jTNzlWAdq0iH6wAPk6hP0PI1dZpkU8PNaFnL0V+ATw+UN6aRi5pO+jfu4f2+Rv6av4BiDU8tl9Sn/1TPLx' +
    'Ob4c+ct28D1yuWCJ3Xs/qFTbJ2Ln3+T4co/Kgs7l37vrRJzHoB+pVFtBfxG2lDzi87pKWt2rG0oa6kvI5W1u8KySKZlK6jzNJa2N' +
    'VLK21Vey2utyrmZIhfFqLPBDMW4qcT1aTz/yyq1rXY1yg2e1W/b65HqPz+1q8/rW071u3xpPa6vH2yzXu5s97npaus7tkhu8vjXO' +
    'Ntnt83l91Nbolpvcvmb3atnnbljb6q6XPW20CuOWW8jlbG72ghJca9vcMlXIBK5mr2muORXDyiZq9axqdq4m9zqw4pExJIwsfMoe' +
    'IgrI5jdjFr6GdTxZ+Pa8KYYXMoXYdyvI2mOz3j75O1PYsIKkdXOE3NQ8A5bDjWFU1+ea+EyMBRgvAfZzBlTZ5R/bY/x38Hc34PKk' +
    'b9cHMC4CFv+qZnmr2WYUxmMx/oU/TbZTFRrubLxuw/AD52BcjT19t2WP8MPkjz9iCtbdg/Ea8KUxXr9lud3wP4DxPuDnGV5t78xf' +
    'tvtZaY8q+T762B635STGC+Pf2Mf6IuzLuKmvyn7v7uQ9SfezOpMnB/H6J/CdJs9C9h8wBxLrGcHQ1SXX7N4q7dki1WzfLP0i+aOP' +
    'T7CxrfFFTE4taH//ua4XTdLdBtibgLFddE9Mt8v0lWO8A3j/F7r+Z6th24iwe86eG6ufm/Xbmcu2z96R+3zOC9kv3rAzaxfH5c6a' +
    'mgp57h3uOo+zWV50a/GtxQtvWVQ6z1wSFbc2trb52px1VNzmXtdGxT5vvbPNScXuxpUNPucaNxXXtbZSscu7Zo27uY3+3ydl0n8k' +
    'NOn/mGHz/fbrrqaXpvBfb/JbzPciu2LOsXdZ+O/8M6fw35WmmHPsPTCF3zaFv9CEiTT1/52p/+tMzz/X1L9wCjzOnzcFLkwzi9PE' +
    '9bsm/6Jv4Y8//wGGjnxVGBMAAA==',
}
