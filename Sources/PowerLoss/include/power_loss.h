/*
 * A library for LD_PRELOAD that cuts the power of a process: what it has written to the files of one folder and not
 * flushed is lost, torn or kept, and the process is killed. See power_loss.c and docs/durability.md.
 *
 *   HOOKLINE_POWER_FOLDER  absolute path; files below it are watched
 *   HOOKLINE_POWER_SYNC    the power fails at the flush of this number, from 1; 0 or absent: never
 *   HOOKLINE_POWER_SEED    what becomes of each write that was not flushed
 *
 * While the file FOLDER.full exists, writes answer ENOSPC; while FOLDER.broken exists, flushes answer EIO.
 */
#ifndef HOOKLINE_POWER_LOSS_H
#define HOOKLINE_POWER_LOSS_H

/* What the process is killed with. */
#define HOOKLINE_POWER_SIGNAL 9

#endif
