"""RUN: forms, mounts, what a step leaves behind."""
# pylint: disable=undefined-variable

from case import Directory, File


def base(name, text, context=None, **rest):
    case(name, "FROM base\n" + text + "\n", context=context or {}, **rest)


KIT = ("buildkit",)
base("shell", "RUN echo a > /a && echo b | tr b B >/b")
base("exec", 'RUN ["touch", "/made"]')
base("exec-no-shell", 'RUN ["sh", "-c", "echo \\"$0\\" >/out", "$HOME"]')
base("environment", "ENV A=1\nRUN env | grep -v '^HOSTNAME=' | grep -E '^(A|PATH|HOME|PWD)=' | sort >/env")
base("home-of-user", "USER app\nRUN echo $HOME >/tmp/home")
base("umask", "RUN umask >/umask; touch /plain; mkdir /dir")
base("stdin-is-empty", "RUN cat >/stdin; echo $? >>/stdin")
base("failing", "RUN exit 3", fails="3")
base("failing-shows-output", "RUN echo the last words; false", fails="the last words")
base("failing-command-missing", "RUN no-such-program-here", fails="no-such-program-here")
base("failing-exec-missing", 'RUN ["no-such-program-here"]', fails="no-such-program-here")
base("failing-signal", "RUN kill -9 $$", fails="SIGKILL")
base("failing-in-other-stage", "RUN exit 4\nFROM base\nCOPY --from=0 /etc/passwd /p", fails="4")
base("unused-stage-does-not-run", "RUN exit 4\nFROM base\nRUN echo ok >/ok", references=KIT)
base("hard-links", "RUN echo x >/one && ln /one /two")
base("symlinks", "RUN ln -s target /rel && ln -s /etc/passwd /abs")
base("fifo-and-modes", "RUN mkfifo /pipe && chmod 0 /pipe && touch /s && chmod 4711 /s && mkdir -m 1777 /t")
base("owners", "RUN touch /f && chown app:staff /f && mkdir /d && chown -R 77:88 /d")
base("removes", "RUN rm -rf /opt/real /opt/file-link")
base("removes-and-recreates", "RUN rm -rf /opt/real && mkdir /opt/real && echo new >/opt/real/new")
base("directory-becomes-file", "RUN rm -rf /opt/real && echo f >/opt/real")
base("file-becomes-directory", "RUN rm /opt/file && mkdir /opt/file && touch /opt/file/x")
base("rename-directory", "RUN mv /opt/real /opt/moved")
base("mode-only", "RUN chmod 700 /opt/real && chmod 600 /opt/file")
base("touched-only", "RUN touch /opt/file")
base("nothing", "RUN true")
base("proc-sys-dev-left-alone", "RUN test -r /proc/self/status && test -c /dev/null && echo ok >/ok")
base("tmp-is-kept", "RUN echo t >/tmp/t\nRUN cat /tmp/t >/again")
base("etc-files-not-in-layer", "RUN cat /etc/resolv.conf /etc/hosts >/dev/null 2>&1; echo done >/done")
base("large-file", "RUN dd if=/dev/zero of=/zero bs=65536 count=64 2>/dev/null")
base("many-files", "RUN mkdir /many && for i in $(seq 200); do echo $i >/many/$i; done")
base("odd-names", "RUN touch '/a b' '/ü' \"/q'x\" && mkdir '/d d' && touch '/d d/*'")
base("long-command", "RUN echo " + "x" * 5000 + " | wc -c >/count")
base("multi-line", "RUN set -e; \\\n    for i in 1 2; do \\\n      echo $i >>/loop; \\\n    done")
base("bind-mount-context", "RUN --mount=type=bind,target=/ctx cat /ctx/f >/out", {"f": "bound"})
base("bind-mount-file", "RUN --mount=type=bind,source=f,target=/tmp/f cat /tmp/f >/out", {"f": "bound"})
base("bind-mount-is-default", "RUN --mount=target=/ctx cat /ctx/f >/out", {"f": "bound"})
base("bind-mount-read-only", "RUN --mount=target=/ctx touch /ctx/x 2>/dev/null || echo refused >/out", {"f": "x"})
base("bind-mount-rw-dropped", "RUN --mount=target=/ctx,rw echo new >/ctx/f && cat /ctx/f >/out\n"
     "RUN --mount=target=/ctx cat /ctx/f >/again", {"f": "old"})
base("bind-mount-stage", "RUN echo from-one >/file\nFROM base\nRUN --mount=from=0,source=/file,target=/mnt/file "
     "cat /mnt/file >/out")
base("bind-mount-image", "RUN --mount=type=bind,from=configured,source=/etc,target=/mnt cat /mnt/group >/out")
base("bind-mount-relative-target", "WORKDIR /w\nRUN --mount=target=here cat here/f >out", {"f": "x"}, references=KIT)
base("bind-mount-ignored-files", "RUN --mount=target=/ctx ls /ctx >/out", {"f": "x", "secret": "s", ".dockerignore": "secret\nDockerfile\n"},
     references=KIT)
base("bind-mount-missing", "RUN --mount=source=none,target=/ctx true", fails="none")
base("mount-point-left", "RUN --mount=target=/new/ctx true\nRUN test ! -e /new/ctx && echo gone >/gone", {"f": "x"},
     references=KIT)
base("cache-mount", "RUN --mount=type=cache,target=/cache echo kept >/cache/f\n"
     "RUN --mount=type=cache,target=/cache cat /cache/f >/out")
base("cache-mount-id", "RUN --mount=type=cache,id=one,target=/c echo 1 >/c/f\n"
     "RUN --mount=type=cache,id=two,target=/c ls /c >/two\nRUN --mount=type=cache,id=one,target=/d cat /d/f >/one")
base("cache-mount-mode-owner", "RUN --mount=type=cache,id=owned,target=/c,mode=0700,uid=1000,gid=50 "
     "stat -c '%a %u %g' /c >/out")
base("cache-mount-read-only", "RUN --mount=type=cache,id=ro,target=/c,ro touch /c/x 2>/dev/null || echo ro >/out")
base("cache-mount-from", "RUN mkdir /seed && echo s >/seed/f\nFROM base\n"
     "RUN --mount=type=cache,id=seeded,from=0,source=/seed,target=/c cat /c/f >/out")
base("cache-mount-private", "RUN --mount=type=cache,id=p,target=/c,sharing=private echo x >/c/f\n"
     "RUN --mount=type=cache,id=l,target=/c,sharing=locked echo y >/c/f && cat /c/f >/out")
base("cache-mount-not-in-layer", "RUN --mount=type=cache,target=/opt/real echo x >/opt/real/hidden; ls /opt/real >/out")
base("cache-mount-bad-sharing", "RUN --mount=type=cache,target=/c,sharing=maybe true", fails="sharing")
base("tmpfs-mount", "RUN --mount=type=tmpfs,target=/scratch echo x >/scratch/f && cat /scratch/f >/out")
base("tmpfs-mount-over-existing", "RUN --mount=type=tmpfs,target=/opt ls /opt >/out")
base("secret-mount", "RUN --mount=type=secret,id=s cat /run/secrets/s | tr a-z A-Z >/out", {"../secret": "hidden"},
     args=["--secret", "id=s,src=@ROOT@/secret"])
base("secret-mount-target", "RUN --mount=type=secret,id=s,target=/etc/s,mode=0444,uid=1000 stat -c '%a %u' /etc/s >/out",
     {"../secret": "hidden"}, args=["--secret", "id=s,src=@ROOT@/secret"])
base("secret-mount-env", "RUN --mount=type=secret,id=s,env=TOKEN echo $TOKEN | wc -c >/out", {"../secret": "hidden"},
     args=["--secret", "id=s,src=@ROOT@/secret"], references=KIT)
base("secret-mount-missing-optional", "RUN --mount=type=secret,id=none ls /run/secrets 2>/dev/null; echo ok >/ok")
base("secret-mount-required", "RUN --mount=type=secret,id=none,required true", fails="none")
base("secret-mount-user", "USER app\nRUN --mount=type=secret,id=s,uid=1000 cat /run/secrets/s | wc -c >/tmp/out",
     {"../secret": "hidden"}, args=["--secret", "id=s,src=@ROOT@/secret"])
base("mount-variable", "ARG dir=/ctx\nRUN --mount=target=$dir cat /ctx/f >/out", {"f": "x"}, references=KIT)
base("mount-several", "RUN --mount=target=/a --mount=type=tmpfs,target=/b --mount=type=cache,target=/c "
     "cat /a/f >/b/f && cp /b/f /c/f && cat /c/f >/out", {"f": "x"})
base("mount-bad-type", "RUN --mount=type=odd,target=/x true", fails="odd")
base("mount-bad-key", "RUN --mount=type=bind,tarrget=/x true", fails="tarrget")
base("mount-no-target", "RUN --mount=type=tmpfs true", fails="target")
base("mount-onto-root", "RUN --mount=target=/ true", {"f": "x"}, fails="", references=KIT)
base("network-none", "RUN --network=none cat /proc/net/dev | grep -c ':' >/count", references=KIT)
base("network-bad", "RUN --network=odd true", fails="odd")
base("network-host-not-allowed", "RUN --network=host true", fails="network.host", references=())
base("security-not-allowed", "RUN --security=insecure true", fails="security.insecure", references=KIT)
base("security-sandbox", "RUN --security=sandbox echo ok >/ok", references=(), expect={"tree/ok": "file 0644 0:0 3 dc51b8c9"},
     why="--security=sandbox is the default; the reference's release has the flag in its labs channel only")
base("heredoc-with-mount", "RUN --mount=target=/ctx <<EOT\ncat /ctx/f >/out\nEOT", {"f": "x"})
base("workdir-missing-is-made", "WORKDIR /made\nRUN pwd >here")
base("entrypoint-not-used", 'ENTRYPOINT ["/bin/false"]\nRUN echo ran >/ran')
base("context-modes-in-mount", "RUN --mount=target=/ctx stat -c '%a' /ctx/m /ctx/d >/out",
     {"m": File("", 0o741), "d/": Directory(0o711), "d/x": ""})
