// Sums of 32-bit words modulo 2^32.
//
// ADDER = 0, ripple: every word is added in full before the next one.
// ADDER = 1, carry-save: three words become two without carrying, until two are left; one ripple adder ends the sum.

// Add three words bit by bit: two words with the same sum.
module carry_save (input [31:0] x, y, z, output [31:0] sum, carry);
    wire [31:0] half = x ^ y;
    assign sum = half ^ z;
    assign carry = {(x[30:0] & y[30:0]) | (half[30:0] & z[30:0]), 1'b0};
endmodule

// Add two words, the carry going from bit to bit.
module ripple (input [31:0] x, y, output [31:0] sum);
    wire [31:0] half = x ^ y;
    wire [31:0] carry;
    assign carry[0] = 1'b0;
    assign carry[31:1] = (x[30:0] & y[30:0]) | (half[30:0] & carry[30:0]);
    assign sum = half ^ carry;
endmodule

// Bring N words down to M words with the same sum. M is 1, or with carry-save adders also 2.
module reduce #(
    parameter N = 2, M = 1, ADDER = 0
) (
    input [32*N-1:0] words,
    output [32*M-1:0] result
);
    generate
        if (N == M) begin : done
            assign result = words;
        end else if (N == 2 || ADDER == 0) begin : carried
            wire [31:0] sum;
            ripple adder (.x(words[32*N-1 -: 32]), .y(words[32*N-33 -: 32]), .sum(sum));
            if (N == 2) begin : last
                assign result = sum;
            end else begin : rest
                reduce #(.N(N - 1), .M(M), .ADDER(ADDER)) next (.words({sum, words[32*N-65:0]}), .result(result));
            end
        end else begin : saved
            // A layer of a Wallace tree: every whole group of three words becomes two.
            localparam GROUPS = N / 3;
            localparam LEFT = N % 3;
            wire [64*GROUPS-1:0] pairs;
            genvar i;
            for (i = 0; i < GROUPS; i = i + 1) begin : group
                carry_save adder (
                    .x(words[96*i +: 32]), .y(words[96*i+32 +: 32]), .z(words[96*i+64 +: 32]),
                    .sum(pairs[64*i +: 32]), .carry(pairs[64*i+32 +: 32])
                );
            end
            if (LEFT == 0) begin : full
                reduce #(.N(2*GROUPS), .M(M), .ADDER(ADDER)) next (.words(pairs), .result(result));
            end else begin : rest
                reduce #(.N(2*GROUPS + LEFT), .M(M), .ADDER(ADDER)) next (
                    .words({words[32*N-1 -: 32*LEFT], pairs}), .result(result)
                );
            end
        end
    endgenerate
endmodule
