/* There is no step(): @name@ does not run frame by frame, since @why_no_step@. */

