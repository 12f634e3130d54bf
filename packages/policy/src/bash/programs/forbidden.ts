/** Programs that are refused whatever their arguments, by what they would do. */
import type { Rule, Rules } from '#bash/call'

const groups: readonly [what: string, programs: string][] = [
  [
    'works on disks and file systems',
    'mkfs mke2fs mkswap swapon swapoff fdisk sfdisk cfdisk gdisk sgdisk parted partprobe wipefs blkdiscard hdparm nvme badblocks fsck e2fsck tune2fs resize2fs mount umount losetup cryptsetup lvm lvremove vgremove pvremove lvcreate mdadm zpool zfs btrfs debugfs fusermount fusermount3 sshfs quotaon dmsetup fstrim diskutil hdiutil asr',
  ],
  [
    'works on the system itself',
    'shutdown reboot halt poweroff init telinit systemctl service systemd-run loginctl machinectl journalctl rc-service chkconfig update-rc.d launchctl sysctl modprobe insmod rmmod depmod kexec iptables ip6tables nft ufw firewall-cmd ebtables tc ip ifconfig route hostnamectl timedatectl localectl hwclock setterm dmesg ldconfig update-alternatives crontab at batch atd cron useradd userdel usermod groupadd groupdel passwd chpasswd chage visudo vipw chsh chfn adduser deluser setfacl chattr grub-install update-grub efibootmgr dracut update-initramfs auditctl setenforce semanage apparmor_parser csrutil nvram pmset softwareupdate scutil dscl security wall write mesg logger',
  ],
  [
    'installs or removes software of the system',
    'apt apt-get aptitude dpkg dpkg-reconfigure yum dnf rpm zypper pacman apk emerge snap flatpak brew port nix-env nix-channel opkg xbps-install',
  ],
  [
    'acts as another user',
    'sudo sudoedit doas su runuser pkexec newgrp sg login chroot-exec gosu su-exec setuidgid dzdo',
  ],
  [
    'works on the sandbox or on other processes from outside',
    'nsenter unshare chroot pivot_root switch_root bwrap bubblewrap firejail setpriv capsh setcap getpcaps newuidmap newgidmap slirp4netns strace ltrace gdb lldb gdbserver gcore perf bpftrace bpftool trace-cmd criu reptyr rr docker docker-compose dockerd podman buildah skopeo nerdctl ctr crictl runc crun containerd lxc lxc-attach lxc-start lxd incus kata-runtime qemu-system-x86_64 virsh vagrant multipass machinectl systemd-nspawn proot fakechroot',
  ],
  ['ends processes by name, which may not be its own', 'pkill killall killall5 skill xkill fuser tkill'],
  [
    'uses the credentials of a person on other machines and services',
    'ssh scp sftp ssh-add ssh-agent ssh-copy-id ssh-keygen ssh-keyscan mosh rlogin rsh telnet ftp lftp kubectl helm kustomize oc aws gcloud gsutil bq az doctl heroku flyctl fly vercel netlify wrangler firebase gh glab hub terraform tofu terragrunt pulumi ansible ansible-playbook vault op bw lpass pass gpg gpg2 gpg-agent gpgconf secret-tool keyctl kinit klist certbot rclone s3cmd mc tailscale ngrok cloudflared sendmail mail mailx mutt msmtp psql-admin age sops keybase',
  ],
  ['fills or overwrites beyond recall', 'shred srm wipe scrub'],
]

function refuse(what: string): Rule {
  return (call) => call.forbid(`${call.name} ${what}`)
}

const asking = ['--version', '--help', '-V']

/** Asking for its version is harmless for all of these. */
function unlessAsked(rule: Rule): Rule {
  return (call) => {
    const [arg, more] = call.args
    if (more === undefined && arg !== undefined && asking.includes(arg)) return
    rule(call)
  }
}

export const forbiddenRules: Rules = Object.fromEntries(
  groups.flatMap(([what, programs]) =>
    programs.split(' ').map((program) => [program, unlessAsked(refuse(what))] as const),
  ),
)
