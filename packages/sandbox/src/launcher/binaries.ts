/** Written by `launcher/build.sh` from `launcher/launch.c`, which says what the program does. */

/** SHA-256 of the sources that these were built from, one after the other. A test compares it. */
export const builtFrom = '7a73f9b4462b6b3e404bfeb9a19e477d0a8ba93fbc190ae60b4226cfa2caf2a5'

export const sources = ['system.h', 'git-config.h', 'terminal.h', 'launch.c']

/** gzip and base64 of an ELF file, by `process.arch`. */
export const binaries: Readonly<Record<string, string>> = {
  x64:
    'H4sIAAAAAAACA6VYfXBU1RW/L9mEJcS8gEGDA3TRZyU6ZPOssQkSu1sTvOu8UJSgnYKWsNmQ1JAwu29hmSIss7vT3IQ39Q+mdqZM' +
    '6x+2tVOd6Yd1FsS4ZEki2qEYLUaYAoOUvLAQkQhsEsnrOfe9TRbUaWf6Znbvu+eec+75+J1z7+6uOmVljiCQzJNDHiU404mLz10W' +
    '/cV50yxAqyK58J1P8jhvHsl+XDeNLksuM5Jic0C5fKTnWOt3u24aM499Q+FNck/+W23KJ//7Y4kR+RJlwzRy7rL+MpgrJ7pKZnUV' +
    '5kcH1VnUSFS9p34mw7e4N5GEJVF78lh4Yva2Yvp8ooCKPYPUGKDCsdT5JGXjiqZIw7LhjheAVsouy7jquX450lvh7iyppuwKZf00' +
    'AuJnKUtT9h413qVGr6tLtemuTr9BY4ngRarZqnGnErTA3lmCRqQ+p0I6ueYtjAyNDapL6uTBOjlRJx+hbEjMo5H0l+owSO+0U6Gf' +
    'lvWmTqxLrqHsQ9gxjm7uPmuIhDCDlh2jTJXOIFdkQlC0BnhntZJOF5jKVOmyorlyqKZKx+IPC+hFg5Q+wPdl66VjdKBWGkKNYh44' +
    'V937wpzwituJOhu8SF2WE6m8OLKuS3rYOHjoYemuYvCiEFwITzgVsTaRGlXYgP7LKcOIJdT59dXvBme5+0m5x0jAQLh00v00ZZ9T' +
    'rXJ9ESHuA7ibe627wcM+Wgs+TdLdF8NA8rDzivaaFAYBhV3X3weNlB2loDwAr2ZwFHYNlNKBgX2GYcTnCMh6AcIFgdqKvrtgk/wi' +
    'dK1PYR/rP+M6RlGHE1+1yiRfHNA3w1Rh5/F1vrnyC2tlDV85TtlpBWPbqz/DlVxQ2Kiu8LWzwH1lp53oNbiy+zAav+5Z93r3s+7n' +
    'krB2fDFo8hrTGZUTB7A+wEzWyxM7V05AzneK7/Dau34DXOFhomxKHgyvuIOoeRj+q+9guYx8DOs0ctHlYROUfeBhnyrstP76DW70' +
    'F7eZRv/6xnSwVporA9ZK9AaafAqioZQNoTudXN1hV3INGAjRN22MP0K4hZF0OvgM1WqOFKL4ott3ErIfrVC0266/gKSaNAxKd+3R' +
    'dD3kex7dPW4YhKj3UONQPbMdSZ0D37TKD4GJ+w8ItB21lK/jOLiCqV9L2Y01kHeEAu3+HiCryx49oi4JjzuDd0JIOZ2NZqI6shrS' +
    'jVXzCURA0e79DlrXLUDa1fvCVauDC8MhwR28IxzKaQgWh0O5NFgQDtlqgjZF2wA+HbKnPvAM9EG2DAXqwJBPurtsC6MJddGK5eoC' +
    'untyCmoJIZ90d9oWp87ux3lqLmWf0NjJ4Ox+m1S+nxdMd5D02wqdVHMLtOxol5JvgNFzaY1hySfcnYX5qWFsPmy032Yj+ksIkUh6' +
    'TC2C7ylVhO+L6uxUKZgzhuYIn4YfIWqhonmFER8QPKzPcl9h+jSorJD9cw3iILzcGbxvGlxxbOdWQRwgZCmGDZGWHHmJl/inbNyN' +
    'Xeo0ZGXBHIBbYNIwTKQsnETQDLgjE/uCRbAs4HIDEFN3wuwAtDx9Jcw83ivIPTphGO6DuFu/lVvcnm+pMOg5pywj+OaQmdBdnHya' +
    '24NIS8ZzuUXHEWaHXdDnTP+S7mfkhPvpbFgM5SDGvouNbKknMiVsLaLdu4r1VRNoMNDkk3XyOXfcAuYfwdL66suBVU907+izK+yo' +
    'XjCB3ShYA27E0I2JcT6/G7F52zagdJUI0UEx+ofZcAZ1PYQN2VV1XB1J5YOHoBSaV+r1eq1FqK++6r8Lfc1EexhWeVmafnTvkJbO' +
    'LFKg9+Aib69iXp0MlVgrUeyxLgMhDOhzKWyHRGHJfcDO9dRKxQo08u4GqThexOWAXUL2utg5dReN/ANbSfxN3uygBUzxMj0RLMiw' +
    'pdZRLSodg/X9eABS7SCfNA8AEQ9VoFTmFGQlbey3lEWh6yPvXs4TrwGBHrTnHdN0TOBvwDRp5lyCUqiIVyHLXG73KcpOiHluMA99' +
    'sIOE+PMt4H3kfQOJI0UITK2yeDaeAvB+IEewk2mQeNhhkNhemOF+jXADATB18kluOr+m1DLTQP2ptGHUsn3SR+gZWD8IY1cu1PDi' +
    'FSFsl8nU5zCZS7WfCvq3gRd5UMVbxSTL84y/PXKDDRGosGExr6ekwYoEPx7h+O1xN2Ts5acxB7TYiV2ojg1DWrYXQo90Qbx0ClDL' +
    'BkhWgBAg05FZjrojffZVWtMlwHabZK+PXRJjUd5WVKkY8283dbjfRgyZ8OCIUNhnAKaYEfIg4OyIhi18hynKJsS8OM+6d7KnCP1A' +
    'PeABRi8uCdME/g5nmDV9QlOvQqkM660TZtPRal6ahQyX9K1QLJ7uFRK9/i/9J+MI2po9sKQ/Z74XwrsnciMNLV+ruZTPJ2PqHfA9' +
    'BYTefAxl3jgOYl1aLzOFqlHBInzHioHTFICxHGn3AE02UJiXlkvcO5CJJo0M7OQHCMQxdjJUCuDwTs4EerqZZEf/L9xhiNF09Ktq' +
    'YzskSez8qw3jv0OqImLn7+G9G5egEkNU2yG1ZOnoQcUg2AIcEpRYm2DOt8RFeAOCigQYd8xUyq+aQXM7EWP1oLkZBLe+KojROTa8' +
    'e1JtH7/T8NtLYRJaDVRvQfAy9WZXVw9ZsjoBBYUmV5gJBTcquHqxczAX51Gup/s16UWuLqEA7w9p9xvSq1YfWc2vEfTQGQfONkRu' +
    'PBUsULpfkV4GamqOh32BzHHeNJfJzaDqoNTJ4XVBf/kqdkgx+nAuL9pX8jjq9PxrJvlbuVzoy7VZQudRrsWSm8rhcgFL7qhFHs7J' +
    '3gUMUkvBBLRHXwqZh/c/Ybtl/al5PdgX9HlA5W9AswSpNj/qw3tS2oRPhRk0aCCY8WLec5fYXbwbYbRiVbBpfeya2Knwl3Ni53Vs' +
    'BLwHEVKAt0soa7C2z8YTqFX+zWYGsBQadwHJ9AXemilks5TOgbftZYifUiKyPYKJpWLA0p8txBVDUSJyRqK4V56VwFILytobvLng' +
    'ZXDQail9nMiv/wm1hKswV+Cg2lonX0rdy2nTCFEg8VaDonjnBUXAaafdZkeTT1Jt2XrVTpTqC+rD4IfNNIBqDz0ABpSdmFaEvbcP' +
    'b8xFVEjC5YcA6zZb6u/q/W+hA6B3xnDz98j0WYcWjvzO8m3GtHg9z++oeRc3+QDJo/rCMWPmGhyfxTvQdYi3kpu5uJvt4ASgiW+u' +
    'D46ZSb5p/1tUQ5DgYGVDUL1NoC/1+M0CViK40an5t5JR4AfZLcMimux3A26w03z9MmApVPpVhcPT8amg8Btk9YwwB6ewpDQBquc2' +
    'xxJxPK7FWih8PFqxaewkYvRHk3i0GfqhMSwazlMr1qZHvj+JVwADGwgmPrRNPlLLDpqYgR9KOMI5+ZH1+5qyPRY+9khDQtaZx/tW' +
    'j8nyWaZKdt5/LSodR1HVgXvX8b3VEoTnXi6PI+pLvSkn3q7BHmgeqJkjKBMEynS4C1g/Wc9Sr2ksG4qc2aUuot4hM8VaZRPXeYJG' +
    'UmF92RheMsU3T2cWV5mLesnYzafpMLf6tBlg7ce2kY3X8OfGNz3OLf4OrzPga2t2Njc5ibejvbl1k4M4N7a2OwMtxBkM+J1tHd7G' +
    'NqQs51P+Al+WLHF6tzWRVR2OQNDb4mhubfM5OvyOpla/z6t2+LeT1T7/5tZAoLWj3dHka2/1NZG6kM/raO7wb25UHT6/v8NP1Baf' +
    '43mfv93X5vD7moMBX5OjVSWb4KOq22vIsmXE2eTb6tyibg4hr9/naA042jscKupub2xDbQ5UAhZt8jduLiDexvb2DlAPWwVVn4Ms' +
    'dxDYqr3D8tAaysG150mgdRPoIL4Q7Hfr4yBY7ITMJyTvUUISDos+n+SQp/goELvA14UVgvmfDbDtMkdj1+OPPbbcsbTWt7G1sd0h' +
    'P1j+YHnFMvmhB5p8G+UHg3KZRSKkPNASUP1q40ZSrvpCKin3dzQ1qo2kfGMgQMq9HZs3+9pV8v8/c7L+WyJZ/2Pp1vyUeDO/cIv8' +
    'XItm/S1FzhS7rNGcbxC+Gr/sZwG/XhOSS275X2veLf9nfYP8Ymv/ilvoGfn7yNfbnz3mfk1cNv0X+czzH6Wz9PsQFAAA',
  arm64:
    'H4sIAAAAAAACA61Ye3BU1Rn/7mMfebAJSXgJmrsJOpDBBGyA4MhwkwAi2oq4to7akmWzkEhIzCa0RNQshFqGOFOuYFEQkgxjZbfD' +
    'DLTyCHWGAC3FolNZaGc6I7hJeISHQALRXSHc/r67dzGE0OkfvTNnz7nf+d6vc/bWz3pmtigIFH9E2kv81kWq8a6a8LKMOyiAFZCE' +
    'XxtZDVwL9X/Uu+YMky7jDr1w59eKMdKEj8wovGuOP/aS5LvonjtbW2ql//1JNecHyR8KS6QdEmiDiLVUtrBgLEYDUX6RTFo9yUtK' +
    'dN3Fc3hE0wNt0oJ/dUgUnCn4QwT8QlKnOdvouewxlFY/lqqfInIxjvMNdT3Tkyxv/k7XR+gNdJz5n8kmbTZoH7Yf2cT7T5LcuG21' +
    'dbOnjYZ2Xsss6JSEYLtkCYJXd9dt3dUuicFOyHPKdPzXZe4CbwYVtOj6bkSkETw1lsV8s6Gzh2gywxkmlWUVMP/vIfsc6IuIdjM8' +
    'LFmDdjvsBI2MYcGAB09mptKuMORlEnV/gdlJ1AiaYz2s+2E6fg56ZE1Qe2RaFWog8dhRpz90Lp0CZ2xNm+C/nPYUIeAkqZH5dRaT' +
    '1p5O0Xb4tWMERbMAWw29WI6A9QyiS43wE/w3H7wNGw7BtoXwOezUIpCpYC9q6n4Wo2/FgUAf+Inw9yqBJofhow26vjEMmgNkveRm' +
    'v1v885vhH6Y9QDStb8XB7cybwHPBp1T9Uap/0zW2R5KP2xP9oXaD3yC+gA/CkhoFnkbUtIl5JKetCumeCcfOID4XYR/wdjonSlrf' +
    'Cgpcgm9YtwvQ83KxqIWlxOBm6NYuycFVmI8msKzEYIeUHJTgv7gsyJlWkux/Ny7zC4lcXcWCdhF8DP4VEnjZg2sMXonBKswG/KRV' +
    'azBgScFX47A1Vu0tA2YPimQ/FpYSDNkdoGuHXH7n/RaZrnWAzlmSqjGsDrC+FWrAtM/IHULudtn8oZXgK9KaEOMOli/NArm4Flj3' +
    'IVhzjOD7EPvCA74chzsxwJpnxZzh+yD7XkHeliBvVax/ithwzt7E3Lfiz4Ez8GsX8C7A38yT9Z3VzwdFpo/H9/PBdAOWAN4Jx9h3' +
    'hYZ9fzV04PicQ/zOg+/20YPEXaFdLSK5thFd88LmIwrXLO2cyXX+jqR16U0hd7IYDcgUPbi8NOIWaLcbeCr2mF+HZAtKJr8Zy8dG' +
    'ZJMvy24i+6U29JEWwFfDRs7DZDmWU5eh1zfQi3OJ7USPjF5PMuonmIV8XyjS5CToEZaGBJfskBALNZot0e4rqP888r97Annfg5EI' +
    'eSXlrxZkdlG1PFJ9vVkm14LojG4BcyfyYCzaLdeBYMRKDXBeXE9So6xHB3hz/PdCL67BDsxuyJ6hCtUHge+WsZaFajev7VjPEww+' +
    '7mSsFaG6BfXnTsX6BlWjU7uWZMAOhbR/gk9beU7BXAtp/8b67zf13dnQ83oDTVspqNESyAqVZ6PvZQe5f2SVlRh9IPPWjO5CkfNr' +
    'iJG/X5crBWHJEfwt4pmZT7vaIDvTTrvkka79fqyvGj1CDYSllDs2xfP5EGi5B1yAfMZzw0clQmLjytt6fhLgfwSc88xinAXcf0XU' +
    'qoS+Kwf7x/AM+pwKn1zAfib8WAi5jGtHrXAdi5bme3KK6TiXuyQhh3OUe4dTkc18Tgxqt40czlmOOVMTJhWiBxi5/ISsrb0dq3vm' +
    'P5B3/97BPfI8BgmRvZz7DOPaYng7clIB/VHulej98VowZLwoadWQIbyprn8R81mj7nYZOfidRwpEQH/9eSGQ9Bs10vuyGIgukQM3' +
    'ayyBegt1j09A/7ar0emg+xZ4NvCzY5z/i0Wzt1i0BMhHPs6fhfkAJV06hJywrvBGWB/W42HQqTbK/xj+17HfiX3Z7MWica76Q21J' +
    '/tAmo56HG3HgvCniniH5Q5e3Cdp67KUj/zuRHx0NgiYL7HPEMBX5VW8NNGJ/rUD5YSkdfkgPHp0S431P3b9Puwot5AKvtKcU+qRI' +
    '8YfiMWU/iUJzj/NLyz09kP3bZonsyQBdr5SRg+vETopYtM9g2zzU2nDg7YdPuSezzV19+kbk7WTD9zstGt8fzHyf/FkqabgvZRzG' +
    'Oxn3DnGJgn7xEdY7wSOHeylmg/Y1mxZuELWObFHbngV7n6aoIqs7QLdDkQt3CIJ/fnu6UCfwHUUWdiimvtc5R6L6niPgw71Ub6RW' +
    'vVio+xx6hZ8U6vSPqVUR1GmZYcHoHy0jyOVHLSqo3cOMA9yst9eGOiG3HfawL1bR9p5mxGMifN3Z0A++am2I4TmAsz/Z/u14d65Z' +
    'G2J/DvTlDfZlr763V7LmHOnVp65BP1XEWDwHi9l3wL9onj0VyMXotTdP2FJsjTjfXHzOci4UmrmQAB1ekCJT335LXd8/x5h3czpm' +
    'I8dievPeoZUx3W/evhvO9xgCvHcAvMiEXwXcbeG6tgWFFKFxDd5ZRyMv1lm1YryflxKP0ZK6iIq1Af8SZxbWC5zoacno15NxD+M5' +
    'gXbRkFgvUOZYtPw4Ps64Sbf5XOc6Gh67J3xlNfaZJpziDx1MifnKiftO3Faupb8B5wZFpq4c4AfuD23YmzOF4zQieD+fj1FWh/YT' +
    'fcmxiiDWL3tStTGJ+3rqxWGvzkT93rBF9pwH/D0xMvUCcoTP+l5p6Hi9PjHA+cY6j8NdyHmfO9cX4BHOLKxDzk0JS8NyTiPnyEmT' +
    '9W3Uynpx71ij3KeGzfvrxW1qa9Eo8vkzyTUX9xj2Ed+B5gpi7M6m2rQLfbG+2t8H7J96+GA84jcD9RGv6V9gLYGuhCxaU3y9T9Y+' +
    'jK/nydoH5n2VbXMP4rsbkmP8dSllfK+UOj58WGA9TpZ8q+8NX22r83+rTw7rbXUlo2gK94PMFUqE6z9zHHXjnu+qQ6zapTGI9SjY' +
    'MdKooYG2Nw+P7A0/r0bDuj1w4U9qq0JtofCzuD8sVqMzLDSpxUquix412iGNDob/oLYmw34lg/Jjd4rRQXevVXsEMH86eiX2P+Y+' +
    'jntN7M5qCxL2mtMoP9nAtwVXDrVpD3Bs0mL4jMNy2nB2tR9WW6fAj9/w2XNCbeX9IuQJ52wh8ofPX7aD7WFbBGF7z2C50JKgfv+0' +
    'A+e6ENnTjjtAPE+Hg48PffIin9NVavQY31OS/WmjuPYws1yW2Qn4O9BTpHWhsHmHMM5R9B6WkQV4D98FYDvfGeLwK4CpIgX9cmTP' +
    'fDGy14q4tktpwYH1cgP2XyE+bx337H2DPatI+XoTtTqgK8NzTTt4/6yRfyl30X1mnBMOY/8U9vvv9Rj9Oi0YuqVv5DOH70H/wPpr' +
    '/I+im7rr97jT43wIHUHMbJjXUnMP4x8kW2ORYDvGd/nBfLwD9XYe//N0Kuw+GtFd1yFnZYT/czoMf+P/VGh/X6zXxfqNI7j01g+6' +
    'cZ9lm0pkf2hnX6wnsV1cc58A7xH4bhd47jD89EMMPwJuSkTfk4V8iJ0lowxfiNI+4yzZwmdNysE69ZSez33gK/CCvtW705peOntb' +
    'H8HrGrHpJeN/NXrLBcDmTp9zIl7rsG+d8xWbdhV0VuDkvear8uTVeCsW5S0qzSNPVeWi8sUK5S0sr8yrKaO8ZTW+vIoqj7uCIY8b' +
    'r8YCPxSjpTzPr0rpJ1VKzTJPmbKovMKrVPmU0nKf11Nb5aujeV7f0vKamvKqSqXUW1nuLaVZy70eZVGVb6m7VvH6fFU+qi3zKku8' +
    'vkpvheLzLlpW4y1VymtpMUZtbd10evRRyiv1/jLvtdqlyxnX51XKa5TKKqWWeVe6K5ibwkyg0WKfe2kiedyVlVVgD1HLar0KPa4Q' +
    'RFVWmRaaUy5MW0I15YvBg7zLIU/BQSJjDCOy7CVqU8xvIcNIJB3PMBLokdi+kCHEvscArT426/X9v58Ir88neflDwujkTAM2EmPf' +
    'FV0f1+87ywSMzwHLN2EZ5legy4C9woBCh/KCI4b7IsbEq7qu9KOvwHgCsPgXJJbh529PgL0Ro5/4s0QHFaKhjcHrhxhHsefivWJH' +
    '6hZxq/DjxNOnGINlf4px66qpT6HDL851GD45ybzxx+wyw4sc65yzt7wrb9Vk36nTDgYx7whGGDilDHg2xnsWszZ1HQl/je3+QX+m' +
    'mQDYxG5Tn0LHvC2JWxOe70fzDPZLsb/OpJmIUQJYGLB3BEOXZqV4y2p5a4NcvH6V/PPEU6dPsDE18UWMzwbgFqCIx/aTvR2wOYCd' +
    'ielryPaYvuC4HMV+8g1dP2k3dLsmbHlo64NFG0e+P2L2+jEbRr/3wO9GfTB807DNGR+m05PFxY8r42Z6F5a7K5VJj+U+ljvx0Un5' +
    '480lUW5NWU2tr9a9kHJrvctrKddXVequdVOut2zBImSsl3IX1tRQrqdq6VJvZS39P56kft8Mqd/3yS7z/UzK3fjyAPqhJr1ovn+e' +
    'qppz7H2e8N/pRw2gV9JUc4693xhAbx9An23CJBr4vXPgd87B6ceZ8icOgMe/q2YOgAuDzNIgfv2RST/pPvTx5z8B78R0KBYAAA==',
}
