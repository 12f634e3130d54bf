/** What is done to the content of a worktree, each as one script inside the boundary. */
import type { FileChange } from '@millrace/protocol'
import { filesOfDiff } from './diff.ts'
import { GitFailure, wordsOf } from './host-git.ts'
import type { InsideGit } from './inside-git.ts'

export interface Place {
  /** Names the processes. */
  runId: string
  directory: string
}

export interface TreeState {
  /** Files that are not committed. */
  uncommitted: number
  /** Commits that the other commit does not have. */
  ahead: number
  /** Commits that the branch does not have. */
  behind: number
  /** The commit of the branch. */
  commit: string
}

/** Far longer than a merge of any project takes: git that is killed leaves its lock behind, or the project half merged. */
const mergeTimeoutMs = 1_800_000

/** Who the server is where the owner of the project has no name in git. */
const fallbackAuthor = `
[ -n "$(git config user.email || :)" ] || export GIT_AUTHOR_NAME=Millrace GIT_AUTHOR_EMAIL=millrace@localhost GIT_COMMITTER_NAME=Millrace GIT_COMMITTER_EMAIL=millrace@localhost
`

/**
 * Returns a commit with the files of the tree as they are, ignored ones excepted, and changes neither branch nor index.
 * The commit is kept under `name` as long as the worktree; null: for as long as git keeps what nothing names, days at least.
 */
export function checkpoint(
  git: InsideGit,
  { runId, directory }: Place,
  name: string | null,
): Promise<string> {
  const script = `
index=$(mktemp)
cp "$(git rev-parse --git-path index)" "$index" 2>/dev/null || :
export GIT_INDEX_FILE="$index" GIT_AUTHOR_NAME=Millrace GIT_AUTHOR_EMAIL=millrace@localhost
export GIT_COMMITTER_NAME=Millrace GIT_COMMITTER_EMAIL=millrace@localhost
git add --all . 2>/dev/null
tree=$(git write-tree)
head=$(git rev-parse HEAD)
if [ "$tree" = "$(git rev-parse 'HEAD^{tree}')" ]; then commit=$head
else commit=$(git commit-tree "$tree" -p "$head" -m 'Files of a session'); fi
[ -z "$1" ] || git update-ref "refs/worktree/millrace/$1" "$commit"
rm -f "$index"
echo "$commit"`
  return git.text({ runId, directory, script, args: [name ?? ''] })
}

/** What changed from one commit to another, below the directory. */
export async function changesBetween(
  git: InsideGit,
  { runId, directory }: Place,
  [from, to]: readonly [string, string],
): Promise<{ files: FileChange[]; filesLeftOut: number }> {
  const script = `
git diff --name-only --no-renames -z --relative "$1" "$2" -- | tr -dc '\\0' | wc -c
git diff --no-color --no-ext-diff --no-textconv --no-renames --relative "$1" "$2" --`
  const { code, stdout, isCut, stderr } = await git.run({ runId, directory, script, args: [from, to] })
  if (code !== 0 && !isCut) throw new GitFailure(wordsOf(stderr))
  const end = stdout.indexOf('\n')
  return filesOfDiff(stdout.slice(end + 1), { count: Number(stdout.slice(0, end)), isCut })
}

/** How the tree stands to a commit. */
export async function stateOf(git: InsideGit, { runId, directory }: Place, to: string): Promise<TreeState> {
  const script = `
git rev-parse HEAD
git rev-list --left-right --count "$1...HEAD"
git status --porcelain . | grep -c '' || :`
  const [commit = '', counts = '', uncommitted = ''] = (
    await git.text({ runId, directory, script, args: [to] })
  ).split('\n')
  const [behind = 0, ahead = 0] = counts.split('\t').map(Number)
  return { commit, ahead, behind, uncommitted: Number(uncommitted) }
}

/** Commits what is not committed. Throws where the tree is not on its branch, as in the middle of a rebase. */
export function commitAll(
  git: InsideGit,
  { runId, directory }: Place,
  [branch, message]: readonly [string, string],
): Promise<string> {
  const script = `${fallbackAuthor}
if [ "$(git symbolic-ref --quiet HEAD || :)" != "refs/heads/$1" ]; then
  echo "fatal: the worktree is not on its branch $1: something in it is unfinished, or it was moved" >&2; exit 1
fi
git add --all .
git diff --cached --quiet || git commit --quiet --no-verify --message "$2"
git rev-parse HEAD`
  return git.text({ runId, directory, script, args: [branch, message], timeoutMs: mergeTimeoutMs })
}

/** Writes files of a tree anew whose filters are only to be run inside. */
export async function rewrite(
  git: InsideGit,
  { runId, directory }: Place,
  files: readonly string[],
): Promise<void> {
  const input = files.map((file) => `${file}\0`).join('')
  // Git writes no file that is as its index says.
  const script = `
list=$(mktemp)
cat > "$list"
xargs -0 rm -f -- < "$list" || :
git checkout-index --force -z --stdin < "$list"
git update-index -q --refresh || :
rm -f "$list"`
  await git.text({ runId, directory, script, input })
}

/** Gives a new tree the files of a checkpoint; what its commit does not have is uncommitted then. */
export async function restore(git: InsideGit, { runId, directory }: Place, commit: string): Promise<void> {
  const script = 'git read-tree --reset -u "$1"; git reset --quiet'
  await git.text({ runId, directory, script, args: [commit] })
}

/** No exit code of git's. */
const notPutBack = 70

/**
 * Git that cannot write a file in the middle of a merge (a full disk, a directory without permissions) leaves the files before
 * it merged. They are put back: git touches only files that are as it knows them, so it has their content.
 */
const mergeScript = `${fallbackAuthor}
export GIT_LITERAL_PATHSPECS=1
was=$(mktemp -d)
index=$(git rev-parse --git-path index)
git update-index -q --refresh >/dev/null || :
cp "$index" "$was/index"
git diff --name-only --no-renames --diff-filter=a -z --relative HEAD "$3" -- > "$was/old"
git diff --name-only --no-renames --diff-filter=A -z --relative HEAD "$3" -- |
  xargs -0 -r sh -c 'for name; do [ -e "$name" ] || [ -L "$name" ] || printf "%s\\0" "$name"; done' sh > "$was/new"
edited=$(xargs -0 -r git diff-files --name-only -- < "$was/old")
git merge --quiet --no-edit --no-verify --no-stat --message "$2" "$1" || {
  code=$?
  [ -z "$(git rev-parse --quiet --verify MERGE_HEAD || :)" ] || git merge --abort || :
  if [ -z "$edited" ]; then
    xargs -0 -r rm -f -- < "$was/new" || :
    cp "$was/index" "$index"
    git checkout-index --force --quiet -z --stdin < "$was/old" || exit ${notPutBack}
  fi
  exit $code
}
git rev-parse HEAD`

export type Merged =
  | { kind: 'merged'; commit: string }
  | { kind: 'conflict'; files: string[] }
  | { kind: 'protected'; file: string }
  | { kind: 'outside'; file: string }
  | { kind: 'refused'; words: string }

/**
 * Merges a commit into the branch of the project. It is tried beside the working tree first; the tree is touched only if
 * that succeeded, and git touches it only if nothing uncommitted is in the way.
 */
export async function merge(
  git: InsideGit,
  { runId, directory }: Place,
  { commit, message, protectedNames }: { commit: string; message: string; protectedNames: RegExp },
): Promise<Merged> {
  const tried = await git.run({
    runId,
    directory,
    script: `git merge-tree --write-tree --name-only --no-messages -z HEAD "$1"`,
    args: [commit],
  })
  if (tried.code === 129) return { kind: 'refused', words: 'merging needs git 2.38 or newer' }
  const [tree = '', ...names] = tried.stdout.split('\0').filter((name) => name !== '')
  if (tried.code === 1) return { kind: 'conflict', files: [...new Set(names)].sort() }
  if (tried.isCut) return { kind: 'refused', words: 'more files conflict than can be listed' }
  if (tried.code !== 0) return { kind: 'refused', words: wordsOf(tried.stderr) }
  const changed = await git.text({
    runId,
    directory,
    script: 'git diff --name-only --no-renames -z --relative HEAD "$1" --',
    args: [tree],
  })
  const file = changed.split('\0').find((name) => protectedNames.test(name))
  if (file !== undefined) return { kind: 'protected', file }
  // Nothing above the project can be written: git would stop there, with the files before it merged.
  const all = await git.text({
    runId,
    directory,
    script:
      'git diff --name-only --no-renames -z HEAD "$1" -- ":(top,exclude,literal)$(git rev-parse --show-prefix)"',
    args: [tree],
  })
  if (all !== '') return { kind: 'outside', file: all.split('\0')[0] ?? '' }
  const merged = await git.run({
    runId,
    directory,
    script: mergeScript,
    args: [commit, message, tree],
    timeoutMs: mergeTimeoutMs,
  })
  if (merged.code === null)
    return { kind: 'refused', words: 'git was killed while it merged: look at the project with git status' }
  if (merged.code === notPutBack)
    return {
      kind: 'refused',
      words: `${wordsOf(merged.stderr)}; not every file could be put back: look at the project with git status`,
    }
  return merged.code === 0
    ? { kind: 'merged', commit: merged.stdout.trim() }
    : { kind: 'refused', words: wordsOf(merged.stderr) }
}
