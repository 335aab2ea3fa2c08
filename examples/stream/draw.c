/* draw.c: a stand-in for a camera: raw grey frames of 48 x 48 of a ball that crosses the picture. From frame 60 to 69 it is a square
 * instead. draw FRAMES >frames.gray */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIZE = 48, ODD_FIRST = 60, ODD_LAST = 69 };

int main(int count, char **arguments) {
    const int frames = count == 2 ? atoi(arguments[1]) : 0;
    if (frames < 1) {
        fprintf(stderr, "usage: draw FRAMES >frames.gray, where FRAMES is 1 or more\n");
        return 2;
    }
    for (int i = 0; i < frames; i++) {
        const double x = 24 + 14 * sin(0.13 * i), y = 24 + 12 * sin(0.21 * i + 1);
        for (int row = 0; row < SIZE; row++)
            for (int column = 0; column < SIZE; column++) {
                const double square = fmax(fabs(column - x), fabs(row - y)) - 9, ball = hypot(column - x, row - y) - 7;
                const double inside = fmin(1, fmax(0, 0.5 - (i >= ODD_FIRST && i <= ODD_LAST ? square : ball)));
                putchar((int)(70 + 60.0 * row / SIZE + inside * 110));
            }
    }
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    perror("standard output");
    return 1;
}
